//! From a value to everything about it, and on.
//!
//! In: keys on the fixture. Out: pages of entities. Law: any value is at most three keys from its page.

use offbound_tui::Options;
use offbound_tui::testing::{Driver, fixture};

fn driver() -> Driver {
    Driver::new(Box::new(fixture::investigation()), (120, 36), Options::default())
}

/// Scenario: from a finding in the list, a finding, an incident's credential, a record and a lane, three keys each.
/// Guarantees: the page of the entity; Esc goes back to the same screen.
#[test]
fn any_value_is_three_keys_from_its_page() {
    for (begin, keys, expected) in [
        ("", "p 1", "credential JTI=7c1f2b1e-5d7a-4c1e-9a52-0c5b6a0e4a11"),
        ("", "p 3", "host node-17"),
        ("Enter", "p 4", "host node-22"),
        ("Enter", "p j Enter", "workload spiffe://prod.example/ns/shop/sa/web"),
        ("e", "p 1", "workload system:serviceaccount:shop:web"),
        ("2 3 j", "p", "host node-17"),
    ] {
        let mut driver = driver();
        driver.press(begin);
        let before = driver.text();
        driver.press(keys);
        let trail = driver.text().lines().nth(1).unwrap_or_default().to_owned();
        assert!(trail.contains(expected), "{begin} {keys}: {trail}");
        driver.press("Esc");
        assert_eq!(driver.text(), before, "{begin} {keys}");
    }
}

/// Scenario: the page of a credential. Guarantees: a use that a finding speaks of is said to be off its binding, with the
/// rule; findings and incident are those that name it; each row opens what is behind it.
#[test]
fn a_credential_is_told() {
    let mut driver = driver();
    driver.press("p 1");
    let text = driver.text();
    for expected in
        ["OFF-BIND", "CT-101", "NOT CONTAINED", "Credential used after it was revoked", "k8s-audit"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    while !line(&driver, '>').contains("OFF-BIND") {
        driver.press("j");
    }
    driver.press("Enter");
    assert!(driver.text().contains("Events of credential JTI=7c1f"), "{}", driver.text());
    driver.press("Esc f");
    assert!(driver.text().contains("finding "), "{}", driver.text());
    driver.press("Esc 3");
    assert!(driver.text().contains("Timeline of credential"), "{}", driver.text());
}

fn line(driver: &Driver, mark: char) -> String {
    driver.text().lines().find(|line| line.starts_with(mark)).unwrap_or_default().to_owned()
}

/// Scenario: the list, filtered by kind and name, by a field that it has not. Guarantees: what is left; the mistake is said;
/// a name that nobody has is a page that says so.
#[test]
fn entities_are_listed() {
    let mut driver = driver();
    driver.press("4 /").type_text("host:node").press("Enter");
    assert!(driver.text().contains("node-22") && !driver.text().contains("spiffe://"), "{}", driver.text());
    driver.press(":").type_text("filter rule:x").press("Enter");
    assert!(driver.text().contains("no "), "{}", driver.text());
    driver.press(":").type_text("host nobody").press("Enter");
    assert!(driver.text().contains("NOT OBSERVED: no event names it"), "{}", driver.text());
}
