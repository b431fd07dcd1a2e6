//! The XML of an event, read without anything that XML could be abused for.
//!
//! In: one document. Out: texts of `System`, attributes that matter, and the named data of `EventData`.
//! Owns: the bounds, references that end in a space in place of their semicolon (`&quot `), which Sysmon writes, and events
//! that a log service cut off at its longest message: what was whole before the cut counts.
//! Law: no document type, no entity beyond the five of XML, no more elements than an event can have; a name that
//! is there twice with two values is refused.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::decode::{Reject, cut};

/// Deepest nesting: an event has three levels.
const MAX_DEPTH: usize = 8;
/// Most elements: the largest event has about forty.
const MAX_ELEMENTS: usize = 256;
/// Most bytes of offending text that a refusal shows.
const MAX_SHOWN_BYTES: usize = 80;

/// What an event says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Data {
    system: BTreeMap<String, String>,
    event: BTreeMap<String, String>,
    /// Whether the end is missing.
    pub(super) is_cut: bool,
}

impl Data {
    /// A text or time of `System`.
    pub(super) fn system(&self, name: &str) -> Option<&str> {
        known(self.system.get(name))
    }

    /// A datum of `EventData`.
    pub(super) fn event(&self, name: &str) -> Option<&str> {
        known(self.event.get(name))
    }

    /// All data of `EventData` that say something.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.event.iter().filter_map(|(name, text)| Some((name.as_str(), known(Some(text))?)))
    }
}

fn known(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !matches!(*text, "" | "-"))
}

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Data, Reject> {
    let mut reader = Reader::from_str(text.trim_start_matches(['\u{feff}', ' ']));
    reader.config_mut().allow_dangling_amp = true;
    let mut walk = Walk::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => walk.open(&element)?,
            Ok(Event::Empty(element)) => {
                walk.open(&element)?;
                walk.close()?;
            }
            Ok(Event::End(_)) => walk.close()?,
            Ok(Event::Text(piece)) => walk.text.push_str(&lenient(&piece)),
            Ok(Event::CData(piece)) => walk.text.push_str(&piece),
            Ok(Event::GeneralRef(name)) => walk.reference(&name),
            Ok(Event::DocType(_)) => return Err(refuse("a document type is not read", "<!DOCTYPE")),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            // Markup that does not end is the cut itself.
            Err(quick_xml::Error::Syntax(_)) if walk.has_data() => break,
            Err(error) => return Err(refuse(&error.to_string(), text)),
        }
    }
    walk.data.is_cut = !walk.path.is_empty();
    if walk.data.is_cut && !walk.has_data() {
        Err(refuse("the document has no end", text))
    } else {
        Ok(walk.data)
    }
}

fn refuse(why: &str, text: &str) -> Reject {
    Reject { reason: "bad-xml", detail: format!("{}: {:?}", cut(why, 200), cut(text, MAX_SHOWN_BYTES)) }
}

#[derive(Default)]
struct Walk {
    data: Data,
    /// Names of open elements; of a datum, its name.
    path: Vec<String>,
    text: String,
    elements: usize,
}

impl Walk {
    /// Whether at least one datum is whole.
    fn has_data(&self) -> bool {
        !self.data.event.is_empty()
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), Reject> {
        self.elements += 1;
        if self.path.len() >= MAX_DEPTH || self.elements > MAX_ELEMENTS {
            return Err(refuse("too deep, or too many elements", ""));
        }
        let name = element.local_name();
        let name = String::from_utf8_lossy(name.as_ref().as_bytes()).into_owned();
        self.text.clear();
        let said = match name.as_str() {
            "Data" => attribute(element, "Name")?,
            "TimeCreated" => attribute(element, "SystemTime")?,
            _ => None,
        };
        if name == "TimeCreated" {
            self.text = said.unwrap_or_default();
            self.path.push(name);
        } else {
            self.path.push(said.unwrap_or(name));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Reject> {
        let Some(name) = self.path.pop() else { return Err(refuse("an element ends that never began", "")) };
        let text = std::mem::take(&mut self.text);
        let place = match self.path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["Event", "System"] => &mut self.data.system,
            ["Event", "EventData"] => &mut self.data.event,
            _ => return Ok(()),
        };
        match place.get(&name) {
            Some(known) if *known != text => Err(Reject {
                reason: "duplicate-key",
                detail: format!("{} is there twice with two values", cut(&name, MAX_SHOWN_BYTES)),
            }),
            _ => {
                place.insert(name, text);
                Ok(())
            }
        }
    }

    /// `&quot;`, `&#10;`; what is no reference stays as it is written.
    fn reference(&mut self, name: &str) {
        match character(name) {
            Some(letter) => self.text.push(letter),
            None => self.text.push_str(&lenient(&format!("&{name};"))),
        }
    }
}

fn character(name: &str) -> Option<char> {
    match name {
        "quot" => Some('"'),
        "apos" => Some('\''),
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Text in which references may end in a space, or in nothing.
fn lenient(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let names = ["quot", "apos", "amp", "lt", "gt"];
        let found = names.iter().find_map(|name| Some((character(name)?, part.strip_prefix(name)?)));
        let found = found.filter(|(_, rest)| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()));
        match found {
            Some((letter, rest)) => {
                out.push(letter);
                out.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, Reject> {
    for found in element.attributes() {
        let found = found.map_err(|error| refuse(&error.to_string(), ""))?;
        if String::from_utf8_lossy(found.key.as_ref().as_bytes()) == name {
            return Ok(Some(lenient(&found.value)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(inner: &str) -> Result<Option<String>, &'static str> {
        let text = format!("<Event><EventData><Data Name=\"CommandLine\">{inner}</Data></EventData></Event>");
        read(&text).map(|data| data.event("CommandLine").map(str::to_owned)).map_err(|reject| reject.reason)
    }

    /// Scenario: references whole, cut, numeric, unknown, and escaped ones that look like references. Guarantees: the
    /// text that was meant; nothing is unescaped twice.
    #[test]
    fn references() {
        let cases = [
            ("a &quot;b&quot; &amp;&amp; c &gt; d", "a \"b\" && c > d"),
            ("sh -c &quot ls -l&quot  | x", "sh -c \"ls -l\" | x"),
            ("say &quot hi; there", "say \"hi; there"),
            ("a&gt", "a>"),
            ("&amp;quot; &amp;lt", "&quot; &lt"),
            ("&#65;&#x42;", "AB"),
            ("a & b &unknown; &quota", "a & b &unknown; &quota"),
            ("<![CDATA[<x>&amp;]]>", "<x>&amp;"),
        ];
        for (inner, expected) in cases {
            assert_eq!(command(inner).as_ref().map(Option::as_deref), Ok(Some(expected)), "{inner}");
        }
        assert_eq!(command("-"), Ok(None));
    }

    /// Scenario: an event cut off in a text, in a tag, before any datum. Guarantees: whole data count, half ones do not.
    #[test]
    fn cut_off() {
        let whole = "<Event><EventData><Data Name=\"A\">1</Data>";
        for rest in ["<Data Name=\"B\">half", "<Data Na", "<Data Name=\"B", "</Ev", ""] {
            let data = read(&format!("{whole}{rest}")).expect("one datum is whole");
            assert_eq!((data.event("A"), data.event("B"), data.is_cut), (Some("1"), None, true), "{rest}");
        }
        assert!(!read(&format!("{whole}</EventData></Event>")).expect("whole").is_cut);
    }

    /// Scenario: documents that abuse XML, or are none. Guarantees: each is refused.
    #[test]
    fn refused() {
        let deep = "<a>".repeat(20);
        let many = "<a/>".repeat(1_000);
        for text in [
            "<!DOCTYPE x [<!ENTITY a \"b\">]><Event/>",
            "<Event><EventData>",
            "<Event></System>",
            "</Event>",
            "<Event><EventData><Data Name=\"A\">1</Data><Data Name=\"A\">2</Data></EventData></Event>",
            "<Event><EventData><Data Name=\"A>",
            &deep,
            &format!("<Event>{many}</Event>"),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        // What a command line holds cannot add a datum unless Sysmon left it unescaped; then there are two.
        assert_eq!(command("x</Data><Data Name=\"CommandLine\">y"), Err("duplicate-key"));
    }
}
