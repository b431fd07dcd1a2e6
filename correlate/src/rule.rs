//! Rules: SQL files that select findings to be from the scene.
//!
//! In: rule files (built in, and those that users add). Out: checked rules, in order of their ids.
//! Owns: the list of built-in rules, the front matter, what a rule may not do.
//! Law: a rule that cannot be explained (no `why`, no `blind_spots`) or bounded (no `window`) is refused.

mod front_matter;
mod marks;

use offbound_schemas::table::uses;

use front_matter::FrontMatter;
pub use marks::Marks;

/// One rule of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Id, such as `CT-101`.
    pub id: String,
    /// Title of its findings.
    pub title: String,
    /// Family: the folder that it lies in.
    pub family: String,
    /// Severity that its findings have at least, without anything that raises it.
    pub severity: String,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// OWASP Non-Human Identities Top 10 (2025).
    pub nhi: Vec<String>,
    /// CSA MAESTRO layers.
    pub maestro: Vec<String>,
    /// NIST AI RMF items and SP 800-53 controls.
    pub nist: Vec<String>,
    /// Tables and views that it reads.
    pub reads: Vec<String>,
    /// What a finding is about.
    pub subject: String,
    /// How far apart the events may lie that it joins.
    pub window: String,
    /// What it waits for before it speaks.
    pub lateness: String,
    /// Behaviour that it looks for, and why that matters.
    pub why: String,
    /// What it cannot see.
    pub blind_spots: String,
    /// Honest causes of the same records.
    pub benign: String,
    /// The analyst's first question.
    pub next: String,
    /// What its groups are made of; without it, everything is looked at whenever anything changes.
    pub entity: Option<Entity>,
    /// Seconds of the stretches of time in which what others were refused at the same destination counts, too.
    pub crowd_secs: Option<u32>,
    /// The only uses that it looks at; without it, all. A group without any of them gives no finding.
    pub uses: Option<Marks>,
    /// Signs of which a group must have one to give a finding.
    pub signs: Option<Marks>,
    /// Signs or uses of which a group must have one as well.
    pub with: Option<Marks>,
    /// The SELECT.
    pub sql: String,
    /// Where it comes from: a path, or `built in`.
    pub origin: String,
}

/// What the groups of a rule are made of: a finding depends on the rows of one of these, and on nothing else but
/// the signs at the places of its uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    /// Uses of one credential (of one subject, where none is shown).
    Credential,
    /// Uses of one subject, by whichever of its credentials (of one credential, where no subject is told).
    Subject,
    /// Uses of one workload (subject or address, where it is not known), and signs of it (of its place).
    Workload,
    /// Signs at one pod or host, and uses that belong there.
    Scope,
    /// Uses at one destination, of those that the rule names.
    Destination,
    /// Signs on one host, in its pods too, and rare uses that belong on it.
    Host,
}

/// What the groups of an entity consist of; other tables are only read whole.
const GROUPED: &[&str] = &["uses", "signals", "taints", "thefts", "suspicions", "issues"];

/// Those of them that are made of signs.
const OF_SIGNS: &[&str] = &["signals", "taints", "thefts", "suspicions"];

impl Rule {
    /// Whether it looks at uses.
    pub(crate) fn reads_uses(&self) -> bool {
        self.reads.iter().any(|read| read == uses::NAME)
    }

    /// Whether rows of signs are part of its answer.
    pub(crate) fn reads_signs(&self) -> bool {
        self.reads.iter().any(|read| OF_SIGNS.contains(&read.as_str()))
    }

    /// Whether it may answer otherwise when rows with these marks, or any others, have changed in a group.
    pub(crate) fn is_concerned(&self, changed: Marks) -> bool {
        let uses = self.uses.unwrap_or(Marks::USE);
        changed == Marks::ALL || changed.meets(uses) || (self.reads_signs() && changed.meets(Marks::SIGN))
    }

    /// Whether a group with rows of these marks can give a finding.
    pub(crate) fn can_speak(&self, there: Marks) -> bool {
        [self.uses, self.signs, self.with].into_iter().flatten().all(|marks| there.meets(marks))
    }

    /// What it may look at of uses to join them with signs: nothing, if it reads but one of the two.
    pub(crate) fn joined_uses(&self) -> Marks {
        self.uses.unwrap_or(Marks::ALL).when(self.reads_uses() && self.reads_signs())
    }
}

impl Entity {
    /// All of them, in the order in which their rules are run.
    pub(crate) const ALL: [Self; 6] =
        [Self::Credential, Self::Subject, Self::Workload, Self::Scope, Self::Host, Self::Destination];

    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "credential" => Ok(Self::Credential),
            "subject" => Ok(Self::Subject),
            "workload" => Ok(Self::Workload),
            "scope" => Ok(Self::Scope),
            "host" => Ok(Self::Host),
            "destination" => Ok(Self::Destination),
            _ => Err(format!(
                "entity {word:?} is not known: write credential, subject, workload, scope, host or destination"
            )),
        }
    }
}

/// Why a rule file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct RuleError {
    /// Rule file.
    pub origin: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl RuleError {
    pub(crate) fn new(origin: &str, problem: impl Into<String>) -> Self {
        Self { origin: origin.to_owned(), problem: problem.into() }
    }
}

macro_rules! rules {
    ($($family:literal / $file:literal),+ $(,)?) => {
        &[ $( ($family, include_str!(concat!("../rules/", $family, "/", $file, ".sql"))) ),+ ]
    };
}

/// Every built-in rule: its family and its text. A rule is a file and a line here.
const BUILT_IN: &[(&str, &str)] = rules![
    "binding" / "ct-101",
    "binding" / "ct-102",
    "binding" / "ct-103",
    "binding" / "ct-104",
    "binding" / "ct-105",
    "binding" / "ct-106",
    "binding" / "ct-107",
    "binding" / "ct-108",
    "binding" / "ct-110",
    "theft" / "ct-201",
    "theft" / "ct-202",
    "theft" / "ct-203",
    "theft" / "ct-204",
    "theft" / "ct-205",
    "theft" / "ct-208",
    "movement" / "ct-301",
    "movement" / "ct-302",
    "posture" / "ct-303",
    "posture" / "ct-304",
    "posture" / "ct-305",
    "posture" / "ct-306",
    "posture" / "ct-307",
    "posture" / "ct-401",
    "posture" / "ct-403",
];

/// Rules in order of their ids.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

impl RuleSet {
    /// The rules that come with the program.
    pub fn builtin() -> Result<Self, RuleError> {
        let mut set = Self::default();
        for (family, text) in BUILT_IN {
            set.insert(parse("built in", family, text)?)?;
        }
        Ok(set)
    }

    /// Adds a rule file; one with the id of a known rule is refused.
    pub fn add(&mut self, origin: &str, sql_text: &str) -> Result<(), RuleError> {
        self.insert(parse(origin, "user", sql_text)?)
    }

    fn insert(&mut self, rule: Rule) -> Result<(), RuleError> {
        match self.rules.binary_search_by(|known| known.id.cmp(&rule.id)) {
            Ok(_) => {
                let problem = format!("rule {} is there already: choose another id", rule.id);
                Err(RuleError::new(&rule.origin, problem))
            }
            Err(place) => {
                self.rules.insert(place, rule);
                Ok(())
            }
        }
    }

    /// The rules, by id.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

fn parse(origin: &str, family: &str, text: &str) -> Result<Rule, RuleError> {
    let (mut matter, sql) = FrontMatter::split(text).map_err(|problem| RuleError::new(origin, problem))?;
    let refuse = |problem: String| RuleError::new(origin, problem);
    let entity = matter.take("entity").map(|word| Entity::parse(&word)).transpose().map_err(refuse)?;
    let crowd = matter.take("crowd").map(|secs| {
        secs.parse::<u32>().ok().filter(|secs| *secs > 0 && entity == Some(Entity::Workload)).ok_or_else(
            || refuse(format!("crowd {secs:?} is no number of seconds, or the entity is no workload")),
        )
    });
    let crowd_secs = crowd.transpose()?;
    let uses = matter.take("uses").map(|words| Marks::of_uses(&words)).transpose().map_err(refuse)?;
    let signs = matter.take("signs").map(|words| Marks::of_signs(&words)).transpose().map_err(refuse)?;
    let with = matter.take("with").map(|words| Marks::of_any(&words)).transpose().map_err(refuse)?;
    if entity.is_none() && uses.or(signs).or(with).is_some() {
        return Err(refuse("`uses`, `signs` and `with` are about groups: add `-- entity: …`".to_owned()));
    }
    let is_wide = matches!(entity, Some(Entity::Host | Entity::Destination));
    if is_wide && uses.is_none_or(|uses| uses.without(Marks::RARE) != Marks::default()) {
        let rare = Marks::RARE.words();
        return Err(refuse(format!(
            "most uses of a host or destination are too many for one group: add `-- uses:` with any of {rare}"
        )));
    }
    let mut take = |key: &str| {
        matter.take(key).ok_or_else(|| {
            RuleError::new(origin, format!("front matter has no `{key}`: add a line `-- {key}: …`"))
        })
    };
    let list = |text: String| {
        text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    };
    let rule = Rule {
        id: take("id")?,
        title: take("title")?,
        family: family.to_owned(),
        severity: take("severity")?,
        attack: list(take("attack")?),
        nhi: list(take("nhi")?),
        maestro: list(take("maestro")?),
        nist: list(take("nist")?),
        reads: list(take("reads")?),
        subject: take("subject")?,
        window: take("window")?,
        lateness: take("lateness")?,
        why: take("why")?,
        blind_spots: take("blind_spots")?,
        benign: take("benign")?,
        next: take("next")?,
        entity,
        crowd_secs,
        uses,
        signs,
        with,
        sql,
        origin: origin.to_owned(),
    };
    let foreign = rule.reads.iter().find(|read| rule.entity.is_some() && !GROUPED.contains(&read.as_str()));
    if let Some(foreign) = foreign {
        let problem = format!("`{foreign}` is not read by groups: leave `entity` out of this rule");
        return Err(RuleError::new(origin, problem));
    }
    match matter.rest() {
        Some(key) => Err(RuleError::new(origin, format!("front matter has an unknown key `{key}`"))),
        None => Ok(rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the built-in catalogue. Guarantees: every file parses, and ids are unique and sorted.
    #[test]
    fn catalogue_parses() {
        let set = RuleSet::builtin().expect("built-in rules are sound");
        assert_eq!(set.rules().len(), BUILT_IN.len());
        assert!(set.rules().is_sorted_by(|a, b| a.id < b.id));
    }

    /// Scenario: rule files with a defect. Guarantees: the message names the file and the missing or unknown key.
    #[test]
    fn defects_are_named() {
        let mut set = RuleSet::default();
        let missing = set.add("my.sql", "-- id: X-1\nSELECT 1").expect_err("no title");
        assert!(
            missing.to_string().contains("my.sql") && missing.to_string().contains("`title`"),
            "{missing}"
        );
        let text =
            BUILT_IN.first().map(|(_, text)| text.replace("-- id: CT-101", "-- id: X-2\n-- colour: red"));
        let unknown = set.add("my.sql", &text.unwrap_or_default()).expect_err("unknown key");
        assert!(unknown.to_string().contains("`colour`"), "{unknown}");
    }
}
