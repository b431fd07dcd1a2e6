//! Who lives through the benign day, and from when to when.
//!
//! In: a seed. Out: pods with their spans. Owns: names and addresses.
//! `cart` runs five replicas all day and twelve more over noon; `orders` moves to another node at six.

use crate::moment::{HOUR, MINUTE, Moment, SECOND};
use crate::world::{Node, Pod, PodSpec};

/// How a pod's place becomes known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// By the placement feed.
    Feed,
    /// By the API server's audit log.
    Audit,
}

/// A pod with the span of its life.
pub(super) struct Life {
    /// The pod.
    pub(super) pod: Pod,
    /// When it was deleted; none when it outlives the day.
    pub(super) deleted: Option<Moment>,
    /// How its place becomes known.
    pub(super) known_by: KnownBy,
}

/// Everybody.
pub(super) struct Cast {
    /// Nodes.
    pub(super) nodes: Vec<Node>,
    /// Pods.
    pub(super) lives: Vec<Life>,
}

/// When `orders-1` is drained.
pub(super) const DRAIN: i64 = 6 * HOUR;
/// When twelve more replicas of `cart` start.
pub(super) const SCALE_OUT: i64 = 12 * HOUR;
/// When they end.
pub(super) const SCALE_IN: i64 = 16 * HOUR;

const JAVA: &str = "/usr/bin/java";

impl Cast {
    pub(super) fn new(seed: u64, day: Moment) -> Self {
        let mut nodes: Vec<Node> = (1..=3)
            .map(|index| Node::new(seed, &format!("n2{index}"), &format!("10.21.240.{index}"), day))
            .collect();
        // B8: one clock is ahead, inside the bound that the environment file gives it.
        for node in nodes.iter_mut().filter(|node| node.name == "n23") {
            node.ahead = 45 * SECOND;
        }
        let mut cast = Self { nodes, lives: Vec::new() };
        cast.all_day(seed, day);
        cast.movers(seed, day);
        cast.scale_out(seed, day);
        cast
    }

    /// Pods of one name, alive during the day.
    pub(super) fn of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Life> {
        self.lives.iter().filter(move |life| life.pod.account == account)
    }

    fn add(
        &mut self,
        seed: u64,
        node: usize,
        spec: &PodSpec<'_>,
        deleted: Option<Moment>,
        known_by: KnownBy,
    ) {
        let pod = Pod::new(seed, &self.nodes[node], spec);
        self.lives.push(Life { pod, deleted, known_by });
    }

    fn all_day(&mut self, seed: u64, day: Moment) {
        let started = day - 3 * HOUR;
        let carts = [("cart-1", 0, "10.21.1.7"), ("cart-2", 1, "10.21.2.7"), ("cart-3", 0, "10.21.1.9")];
        let more = [("cart-4", 1, "10.21.2.9"), ("cart-5", 2, "10.21.3.9")];
        for (name, node, address) in carts.into_iter().chain(more) {
            let spec = spec("shop", name, "cart", address, JAVA, started);
            self.add(seed, node, &spec, None, KnownBy::Feed);
        }
        let billing = spec("shop", "billing-1", "billing", "10.21.3.20", "/app/billing", started);
        self.add(seed, 2, &billing, None, KnownBy::Feed);
        // A daemon on every node, in the node's own network: many pods share the address.
        for node in 0..3 {
            let (name, address) = (format!("log-shipper-{node}"), self.nodes[node].address.clone());
            let shipper = spec("ops", &name, "log-shipper", &address, "/usr/bin/fluent-bit", started);
            self.add(seed, node, &shipper, None, KnownBy::Feed);
        }
    }

    fn movers(&mut self, seed: u64, day: Moment) {
        let old = spec("shop", "orders-1", "orders", "10.21.1.8", "/app/orders", day - 3 * HOUR);
        self.add(seed, 0, &old, Some(day + DRAIN), KnownBy::Feed);
        let new = spec("shop", "orders-2", "orders", "10.21.2.8", "/app/orders", day + DRAIN + 9 * SECOND);
        self.add(seed, 1, &new, None, KnownBy::Audit);
        // Gets the address of the first replica that ends, twenty seconds later.
        let reuse = day + SCALE_IN + 20 * SECOND;
        let report = spec("shop", "report-1", "report", "10.21.1.30", "/app/report", reuse);
        self.add(seed, 0, &report, None, KnownBy::Audit);
    }

    fn scale_out(&mut self, seed: u64, day: Moment) {
        for index in 0..12i64 {
            let node = usize::try_from(index % 3).unwrap_or(0);
            let (name, address) =
                (format!("cart-{}", 10 + index), format!("10.21.{}.{}", node + 1, 30 + index / 3));
            let cart = spec("shop", &name, "cart", &address, JAVA, day + SCALE_OUT + index * 3 * SECOND);
            let deleted = day + SCALE_IN - 2 * SECOND + index * MINUTE;
            self.add(seed, node, &cart, Some(deleted), KnownBy::Audit);
        }
    }
}

fn spec<'a>(
    namespace: &'a str,
    name: &'a str,
    account: &'a str,
    address: &'a str,
    binary: &'a str,
    started: Moment,
) -> PodSpec<'a> {
    PodSpec { namespace, name, account, address, binary, arguments: "--port 8080", started }
}
