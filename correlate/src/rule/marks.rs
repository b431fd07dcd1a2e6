//! Marks: what a rule may ask of uses and signs before it is run.
//!
//! In: the words of a rule's `uses:`, `signs:` and `with:` lines. Out: sets of marks. Owns: the words. Leaves to `standing` which
//! row has which mark. Law: a mark is on every row that its word means; a rule that names marks looks at no other uses.

/// A set of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Marks(u32);

impl Marks {
    /// Some use, whichever.
    pub(crate) const USE: Self = Self(1);
    /// Used off its host or pod.
    pub(crate) const MISMATCH: Self = Self(1 << 1);
    /// Its credential was seen at more than one place.
    pub(crate) const PLACES: Self = Self(1 << 2);
    /// Used before or after its validity.
    pub(crate) const OUTSIDE: Self = Self(1 << 3);
    /// Its credential lives longer than it should, or for ever.
    pub(crate) const LASTING: Self = Self(1 << 4);
    /// Refused.
    pub(crate) const DENIED: Self = Self(1 << 5);
    /// The first of its workload to its destination.
    pub(crate) const FIRST_EVER: Self = Self(1 << 6);
    /// Its recorder looked up who presented it, and that is not whom it names.
    pub(crate) const PRESENTER: Self = Self(1 << 7);
    /// Some sign, whichever.
    pub(crate) const SIGN: Self = Self(1 << 8);
    /// An unexpected read of a credential.
    pub(crate) const THEFT: Self = Self(1 << 9);
    /// A read of memory.
    pub(crate) const MEMORY: Self = Self(1 << 10);
    /// A strong sign.
    pub(crate) const STRONG: Self = Self(1 << 11);
    /// A required control let something pass.
    pub(crate) const NOT_ENFORCED: Self = Self(1 << 12);
    /// A call of the metadata service by a process that is not known to make it.
    pub(crate) const METADATA: Self = Self(1 << 13);
    /// A sensitive action that its workload never did before.
    pub(crate) const NEW_ACTION: Self = Self(1 << 14);
    /// A way out of a container, or a gain of privileges, by a process that is not known for it.
    pub(crate) const ESCAPE: Self = Self(1 << 15);
    /// Its owner has just ended a long rest.
    pub(crate) const AWAKENED: Self = Self(1 << 16);
    /// Its subject was seen in several environments, or with many workloads.
    pub(crate) const SHARED: Self = Self(1 << 17);
    /// Decided otherwise than is declared.
    pub(crate) const AGAINST_POLICY: Self = Self(1 << 18);
    /// Let in after the end of its credential, or of whoever that belongs to.
    pub(crate) const ENDED: Self = Self(1 << 19);
    /// Shown where it is not meant for.
    pub(crate) const AUDIENCE: Self = Self(1 << 20);
    /// No use, but a credential that was issued for too long.
    pub(crate) const OVERLONG: Self = Self(1 << 21);
    /// Let in, though whoever makes such credentials never made it.
    pub(crate) const UNISSUED: Self = Self(1 << 22);
    /// The first of its workload since its host has not been heard for too long.
    pub(crate) const UNWATCHED: Self = Self(1 << 23);
    /// How many there are.
    pub(crate) const COUNT: usize = 24;
    /// Off its place, after its end, where it is not meant for, or never issued: what incidents look for.
    pub(crate) const ASTRAY: Self = Self::MISMATCH.and(Self::ENDED).and(Self::AUDIENCE).and(Self::UNISSUED);
    /// Those of uses that most uses do not have: by these the uses of a host and of a destination are found.
    pub(crate) const RARE: Self = Self::ASTRAY
        .and(Self::OUTSIDE)
        .and(Self::DENIED)
        .and(Self::FIRST_EVER)
        .and(Self::PRESENTER)
        .and(Self::NEW_ACTION)
        .and(Self::AGAINST_POLICY);
    /// All of them.
    pub(crate) const ALL: Self = Self((1 << Self::COUNT) - 1);

    /// Both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These where `is_there`, else none.
    pub(crate) fn when(self, is_there: bool) -> Self {
        if is_there { self } else { Self::default() }
    }

    /// Whether the two have any in common.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These but not those.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those of these that are among those.
    pub(crate) fn only(self, those: Self) -> Self {
        Self(self.0 & those.0)
    }

    /// The words of a line `uses:` for these.
    pub(super) fn words(self) -> String {
        let words: Vec<&str> =
            USES.iter().filter(|(_, mark)| self.meets(*mark)).map(|(word, _)| *word).collect();
        words.join(", ")
    }

    /// Reads the words of a line `uses:`.
    pub(super) fn of_uses(words: &str) -> Result<Self, String> {
        read("uses", words, &[USES])
    }

    /// Reads the words of a line `signs:`.
    pub(super) fn of_signs(words: &str) -> Result<Self, String> {
        read("signs", words, &[SIGNS])
    }

    /// Reads the words of a line `with:`, of either kind.
    pub(super) fn of_any(words: &str) -> Result<Self, String> {
        read("with", words, &[USES, SIGNS])
    }
}

const USES: &[(&str, Marks)] = &[
    ("mismatch", Marks::MISMATCH),
    ("places", Marks::PLACES),
    ("outside-validity", Marks::OUTSIDE),
    ("ended", Marks::ENDED),
    ("audience", Marks::AUDIENCE),
    ("unissued", Marks::UNISSUED),
    ("unwatched", Marks::UNWATCHED),
    ("overlong", Marks::OVERLONG),
    ("lasting", Marks::LASTING),
    ("denied", Marks::DENIED),
    ("first-ever", Marks::FIRST_EVER),
    ("presenter", Marks::PRESENTER),
    ("shared", Marks::SHARED),
    ("against-policy", Marks::AGAINST_POLICY),
    ("new-action", Marks::NEW_ACTION),
    ("awakened", Marks::AWAKENED),
];
const SIGNS: &[(&str, Marks)] = &[
    ("theft", Marks::THEFT),
    ("memory-read", Marks::MEMORY),
    ("strong", Marks::STRONG),
    ("not-enforced", Marks::NOT_ENFORCED),
    ("metadata", Marks::METADATA),
    ("escape", Marks::ESCAPE),
];

fn read(key: &str, words: &str, known: &[&[(&str, Marks)]]) -> Result<Marks, String> {
    let known = || known.iter().copied().flatten();
    words.split(',').map(str::trim).try_fold(Marks::default(), |marks, word| {
        let mark = known().find(|(name, _)| *name == word).map(|(_, mark)| marks.and(*mark));
        mark.ok_or_else(|| {
            let names: Vec<&str> = known().map(|(name, _)| *name).collect();
            format!("{key} {word:?} is not known: write {}", names.join(", "))
        })
    })
}
