//! A busy day on which nobody does anything wrong, and much looks as if.
//!
//! In: a seed. Out: logs of seven tools over 24 hours, truth without incidents. Story in `busy_benign_day.md`.
//! Law: a sound engine stays silent.

mod cast;
mod doings;

use super::Scenario;
use super::quiet::{self, AUDIT, ENVOY, Span, TETRAGON};
use crate::moment::{DAY, Moment};
use crate::scene::Scene;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "busy-benign-day",
    title: "A busy day on which nobody does anything wrong",
    story: "Drain, scale-out, NAT, address reuse, shared SVIDs, probes, a 403 storm: nothing of it is an attack.",
    environment: include_str!("busy_benign_day.toml"),
    readme: include_str!("busy_benign_day.md"),
    build,
};

fn build(seed: u64) -> Scene {
    let mut scene = Scene::default();
    let day = Moment::day(2026, 3, 5);
    let all = Span { from: day, until: day + DAY };
    let cast = cast::Cast::new(seed, day);
    doings::lives(&mut scene, seed, &cast, all);
    doings::mesh(&mut scene, seed, &cast, all);
    doings::hosts(&mut scene, seed, &cast, all);
    doings::cloud(&mut scene, seed, all);
    for stream in [AUDIT, TETRAGON, ENVOY] {
        scene.redeliver(stream, 61, 4);
    }
    scene.rotate(AUDIT, day + DAY, "k8s-audit-2026-03-05.log.gz");
    scene.rotate(TETRAGON, day + DAY, "tetragon-2026-03-05.ndjson.zst");
    scene.rotate(ENVOY, day + DAY, "envoy-access-2026-03-05.ndjson.gz");
    scene.rotate(quiet::SPIRE, day + DAY, "spire-server-2026-03-05.log.gz");
    scene.rotate(doings::CLOUDTRAIL, day + DAY, "cloudtrail-2026-03-05.json.gz");
    scene
}
