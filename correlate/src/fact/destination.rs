//! Destinations: what an assertion calls, by the environment's name for it, else by the record's.
//!
//! In: the environment, an assertion. Out: a name, and what is declared of it.
//! Owns: which of a record's words counts, and the last answers. Bound: [`MAX_REMEMBERED`].
//! Law: what is remembered is what would be found again: one set of facts has one environment.

use hashbrown::HashTable;
use offbound_schemas::table::identity_assertions;
use offbound_schemas::vocabulary::Enforcement;

use crate::environment::Environment;
use crate::keyed::RandomState;

/// Answers that are remembered, about 300 bytes each; when there are more, all are forgotten. Logs name few destinations.
const MAX_REMEMBERED: usize = 4_096;

/// What is called: the environment's name for it, else the record's.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) sensitive: bool,
    pub(crate) enforcement: Option<Enforcement>,
}

/// What a record says of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Stated<'a> {
    name: Option<&'a str>,
    identity: Option<&'a str>,
    address: Option<&'a str>,
    port: Option<u16>,
}

/// The same, and the answer.
#[derive(Debug, Clone)]
struct Known {
    name: Option<String>,
    identity: Option<String>,
    address: Option<String>,
    port: Option<u16>,
    answer: Destination,
}

impl Known {
    fn stated(&self) -> Stated<'_> {
        let Self { name, identity, address, port, answer: _ } = self;
        Stated {
            name: name.as_deref(),
            identity: identity.as_deref(),
            address: address.as_deref(),
            port: *port,
        }
    }
}

/// Destinations, as far as they are remembered.
#[derive(Debug, Clone, Default)]
pub(super) struct Destinations {
    known: HashTable<Known>,
    hasher: RandomState,
}

impl Destinations {
    /// What an assertion calls.
    pub(super) fn of(
        &mut self,
        environment: &Environment,
        view: &identity_assertions::View<'_>,
        row: usize,
    ) -> &Destination {
        let stated = Stated {
            name: view.dst(row),
            identity: view.dst_identity(row),
            address: view.dst_addr(row),
            port: view.dst_port(row),
        };
        let Self { known, hasher } = self;
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        let hash = hasher.hash_one(stated);
        let slot =
            known.entry(hash, |known| known.stated() == stated, |known| hasher.hash_one(known.stated()));
        let known = slot.or_insert_with(|| Known {
            name: stated.name.map(str::to_owned),
            identity: stated.identity.map(str::to_owned),
            address: stated.address.map(str::to_owned),
            port: stated.port,
            answer: destination(environment, stated),
        });
        &known.into_mut().answer
    }
}

fn destination(environment: &Environment, stated: Stated<'_>) -> Destination {
    let Stated { name: stated, identity, address, port } = stated;
    let endpoint = address.zip(port).map(|(address, port)| match address.contains(':') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    });
    let bare = stated.and_then(|name| name.rsplit_once(':')).filter(|(_, port)| port.parse::<u16>().is_ok());
    let bare = bare.map(|(name, _)| name);
    let candidates: Vec<&str> =
        [stated, bare, identity, endpoint.as_deref(), address].into_iter().flatten().collect();
    if let Some(known) = environment.destination(&candidates) {
        return Destination {
            name: known.name.clone(),
            sensitive: known.sensitive,
            enforcement: Some(known.enforcement).filter(|declared| *declared != Enforcement::Unknown),
        };
    }
    let name = bare.or(stated).or(identity).or(endpoint.as_deref()).or(address).unwrap_or("unknown");
    let sensitive = environment.workload(name).is_some_and(|workload| workload.sensitive);
    Destination { name: name.to_owned(), sensitive, enforcement: None }
}
