//! ATT&CK techniques in the tags of sensors.
//!
//! In: tags such as `T1059.004`, `MITRE_T1036_masquerading`. Out: the technique's id.
//! Law: `T` and four digits as a word of their own; what merely looks like it (`FGT1046`) is another catalogue.

/// The technique that a tag names.
pub(crate) fn technique(tag: &str) -> Option<&str> {
    tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').find(|word| is_technique(word))
}

/// The techniques that tags name, each once, in order.
pub(crate) fn techniques<'t>(tags: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in tags.into_iter().filter_map(technique) {
        if !found.iter().any(|known| known == id) {
            found.push(id.to_owned());
        }
    }
    found
}

/// `T1059` or `T1059.004`.
pub(crate) fn is_technique(tag: &str) -> bool {
    tag.strip_prefix('T').is_some_and(|rest| {
        let (number, sub) = rest.split_once('.').unwrap_or((rest, "000"));
        let is_number = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        is_number(number, 4) && is_number(sub, 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: tags of several sensors. Guarantees: techniques are found inside words; other catalogues are not.
    #[test]
    fn tags() {
        for (tag, expected) in [
            ("T1059.004", Some("T1059.004")),
            ("MITRE_T1036_masquerading", Some("T1036")),
            ("attack-T1055", Some("T1055")),
            ("FGT1046", None),
            ("TA0008", None),
            ("T105", None),
            ("T1059.4", None),
            ("", None),
        ] {
            assert_eq!(technique(tag), expected, "{tag}");
        }
        assert_eq!(techniques(["T1001", "x_T1001", "T1002"]), ["T1001", "T1002"]);
    }
}
