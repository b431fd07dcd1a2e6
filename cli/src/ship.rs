//! `offbound ship`: log files into a Kafka topic, for people without a shipper.
//!
//! In: files, folders, globs, standard input. Out: a message per record; a word about what could not be sent.
//! Owns: the loop, the bound of what is on its way, what is counted. Leaves reading to `tail`, names to `watch`, places to
//! `positions`, the broker to `producer`.
//! Law: a place is kept only when the broker has everything before it: a kill loses nothing, and sends again at most what
//! was on its way, which is the same events.

mod fate;
mod head;
mod keys;
mod ledger;
mod positions;
mod producer;
mod shipper;
mod sink;
mod standard_input;
mod tail;
#[cfg(test)]
mod tests;
mod watch;

use std::thread;
use std::time::Duration;

use offbound_ingest::FingerprintKey;

use crate::args::ship::ShipArgs;
use crate::clock::Stopwatch;
use crate::exit::{Done, Failure, say};
use crate::interrupt::Interrupt;
use crate::output::{count, megabytes};
use crate::{Context, key, mappings};
use keys::Keys;
use positions::Positions;
use producer::Producer;
use shipper::Shipper;
use sink::Sink;
use watch::Watch;

/// Pause when there is nothing to send: what a line waits for at most, besides the broker.
const IDLE_PAUSE: Duration = Duration::from_millis(20);
/// Seconds between two looks at names: a rotation is noticed within it.
const LOOK_SECS: f64 = 0.5;
/// Seconds between two writings of positions.
const SAVE_SECS: f64 = 1.0;
/// Seconds that a stop waits for what is on its way.
const DRAIN_SECS: f64 = 30.0;
/// Longest name of a topic, in bytes, as Kafka has it.
const MAX_TOPIC_BYTES: usize = 249;

/// Runs the command.
pub(crate) fn run(args: &ShipArgs, context: &Context) -> Result<Done, Failure> {
    check(args)?;
    let stopwatch = Stopwatch::start();
    let formats = mappings::formats(&context.config.formats(&args.formats))?;
    let installation = FingerprintKey::new(&key::of_installation()?);
    let connection = context.config.connection(args.brokers.as_deref(), args.allow_plaintext)?;
    let producer = Producer::new(&connection, &args.topic)?;
    let positions = Positions::open(args.positions.as_deref(), &args.topic)?;
    let interrupt = Interrupt::listen();
    if !find_topic(&producer, args, &interrupt)? {
        return Ok(Done::Clean);
    }
    if !context.common.quiet {
        say("note", &format!("positions are kept in {}", positions.path().display()));
    }
    let keys = Keys::new(args.key, formats, installation.clone());
    let redaction = args.redact.then_some(installation);
    let watch = Watch::new(&args.paths, args.follow, args.from_start);
    let mut shipper = Shipper::new(watch, positions, keys, redaction, producer);
    let shipped = ship(&mut shipper, &interrupt);
    let drained = drain(&mut shipper);
    shipper.save();
    shipped.and(drained)?;
    if !context.common.quiet {
        let shipper::Tally { records, bytes, .. } = shipper.tally;
        let (records, bytes, seconds) = (count(records), megabytes(bytes), stopwatch.seconds());
        say("note", &format!("shipped {records} records, {bytes}, to {} in {seconds:.2} s", args.topic));
    }
    let refused = shipper.tally.refused + shipper.watch.unreadable;
    if refused > 0 && !args.follow {
        return Err(Failure::could_not(format!(
            "{refused} files or records were not shipped; see the warnings above"
        )));
    }
    Ok(Done::Clean)
}

fn check(args: &ShipArgs) -> Result<(), Failure> {
    let ShipArgs { paths, topic, follow, .. } = args;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = topic.bytes().all(is_legal) && !matches!(topic.as_str(), "" | "." | "..");
    if !is_name || topic.len() > MAX_TOPIC_BYTES {
        return Err(Failure::usage(format!(
            "--topic {topic:?} is no name of a topic: letters, digits, `.`, `_`, `-`"
        )));
    }
    if *follow && paths.iter().any(|path| path == "-") {
        return Err(Failure::usage("standard input is always followed to its end; name it without --follow"));
    }
    Ok(())
}

/// Waits until the topic is found; false when a stop was asked for before. Without following it is asked once.
fn find_topic(producer: &Producer, args: &ShipArgs, interrupt: &Interrupt) -> Result<bool, Failure> {
    while !interrupt.asked() {
        if producer.ask()?.is_some() {
            return Ok(true);
        }
        if !args.follow {
            let why = producer.complaint();
            let advice = "check --brokers, TLS and credentials, or run `offbound doctor`";
            return Err(Failure::could_not(format!("no Kafka broker answers: {why}; {advice}")));
        }
    }
    Ok(false)
}

/// Ships until all is sent, or until it is stopped.
fn ship<S: Sink>(shipper: &mut Shipper<S>, interrupt: &Interrupt) -> Result<(), Failure> {
    shipper.begin();
    let (mut looked, mut saved) = (Stopwatch::start(), Stopwatch::start());
    while !interrupt.asked() && !shipper.is_done() {
        if looked.seconds() >= LOOK_SECS {
            shipper.look();
            looked = Stopwatch::start();
        }
        let moved = shipper.round()?;
        if saved.seconds() >= SAVE_SECS {
            shipper.save();
            saved = Stopwatch::start();
        }
        if !moved {
            thread::sleep(IDLE_PAUSE);
        }
    }
    Ok(())
}

/// Waits for what is on its way.
fn drain<S: Sink>(shipper: &mut Shipper<S>) -> Result<(), Failure> {
    let began = Stopwatch::start();
    while shipper.on_their_way() > 0 {
        shipper.settle()?;
        if began.seconds() >= DRAIN_SECS {
            let waiting = shipper.on_their_way();
            say(
                "warning",
                &format!("{waiting} records were not taken in {DRAIN_SECS} s; they are sent again next time"),
            );
            return Ok(());
        }
        thread::sleep(IDLE_PAUSE);
    }
    Ok(())
}
