//! What became of a file between two looks at its folder.
//!
//! In: facts about the name and the open file. Out: [`Fate`]. Decides, touches nothing.
//! Law: a file is given up only after its name was gone for several looks, and nothing was added in that time.

/// Looks at the folder that a file without its name is kept open for: whoever rotated it may still write to it until it
/// is told to open the new one.
pub(crate) const LOOKS_AFTER_ROTATION: u32 = 10;

/// What is known of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// A name among those that are shipped leads to it.
    pub(crate) has_name: bool,
    /// Its size now, in bytes.
    pub(crate) size: u64,
    /// How far it was read.
    pub(crate) read_to: u64,
    /// It begins as it did.
    pub(crate) has_same_head: bool,
    /// Looks without a name so far.
    pub(crate) looks_without_name: u32,
}

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Read on.
    Goes,
    /// It was cut to nothing, or written anew: read it from its first byte.
    Anew,
    /// It was renamed or deleted: read on, for there may be more.
    Leaves,
    /// There will be no more: read what is there to its end, and let it go.
    Gone,
}

/// Decides.
pub(crate) fn fate(facts: Facts) -> Fate {
    let Facts { has_name, size, read_to, has_same_head, looks_without_name } = facts;
    if size < read_to || !has_same_head {
        return Fate::Anew;
    }
    match has_name {
        true => Fate::Goes,
        false if size > read_to || looks_without_name < LOOKS_AFTER_ROTATION => Fate::Leaves,
        false => Fate::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: each thing that happens to logs. Guarantees: what is to be done, and that nothing unread is given up.
    #[test]
    fn fates() {
        let facts =
            Facts { has_name: true, size: 10, read_to: 10, has_same_head: true, looks_without_name: 0 };
        let long = LOOKS_AFTER_ROTATION;
        for (facts, expected) in [
            (facts, Fate::Goes),
            (Facts { size: 20, ..facts }, Fate::Goes),
            (Facts { size: 9, ..facts }, Fate::Anew),
            (Facts { size: 20, has_same_head: false, ..facts }, Fate::Anew),
            (Facts { has_name: false, ..facts }, Fate::Leaves),
            (Facts { has_name: false, looks_without_name: long, ..facts }, Fate::Gone),
            (Facts { has_name: false, looks_without_name: long, size: 20, ..facts }, Fate::Leaves),
        ] {
            assert_eq!(fate(facts), expected, "{facts:?}");
        }
    }
}
