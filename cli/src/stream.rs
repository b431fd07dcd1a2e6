//! `offbound stream`: Kafka topics to findings, live.
//!
//! In: topics, an environment, rules, a store. Out: findings, incidents and gaps on standard output and in topics; the
//! store that holds everything. Owns: starting and stopping of the parts. Leaves the flow itself to `driver`.
//! Law STREAM-5: what comes out of a stream is what a replay of the same records gives.
//!
//! The flow, in order: `ingest` reads and decodes, [`driver`] correlates and watches the clock of the events,
//! [`keeper`] makes durable, [`publish`] tells the topics.

mod account;
mod behind;
mod connection;
mod driver;
mod health;
mod hold_back;
mod http;
mod keeper;
mod last_words;
mod lead;
mod metrics;
mod origin;
mod pace;
mod places;
mod printer;
mod publish;
mod rebuild;
mod reload;
mod under_way;
mod watermark;

use std::collections::BTreeMap;
use std::sync::Arc;

use offbound_ingest::kafka::KafkaSource;
use offbound_store::Writer;

use keeper::Keeper;
use last_words::Unread;
use origin::Origin;
use places::Places;
use publish::Publisher;

use crate::args::stream::StreamArgs;
use crate::config::stream::StreamSettings;
use crate::exit::{Done, Failure, say};
use crate::interrupt::Interrupt;
use crate::{Context, mappings};

/// Runs the command.
pub(crate) fn run(args: &StreamArgs, context: &Context) -> Result<Done, Failure> {
    let settings = context.config.stream(args)?;
    let folder = context.config.store(args.store.as_deref());
    let folder = folder.ok_or_else(|| {
        Failure::usage(
            "stream keeps events, results and positions in a store: name it with --store DIR, or store.dir",
        )
    })?;
    let printer = printer::Printer::new(args.format, context)?;
    let inputs = reload::Inputs {
        environment: context.config.environment(args.env.as_deref()),
        rules: context.config.rules(args.rules.as_deref()),
        bounds: settings.bounds,
    };
    // Whatever is wrong with a file is told before anything is read.
    let judge = inputs.load()?;
    let formats = mappings::formats(&context.config.formats(&args.formats))?;
    let (interrupt, hangup) = (Interrupt::listen(), reload::Hangup::listen());
    let (metrics, health) = (metrics::Metrics::new(), Arc::new(health::Health::default()));
    health.trouble(health::Part::Start, "starting: facts are being built from the store");
    if let Some(address) = &settings.listen {
        let bound = http::serve(address, Arc::clone(&metrics), Arc::clone(&health))?;
        if !context.common.quiet {
            say("note", &format!("metrics and health are at http://{bound}/"));
        }
    }
    let mut writer = Writer::create(&folder, settings.segments())?;
    let (publisher, unread) = results(&settings, &mut writer, &health)?;
    let start = rebuild::rebuild(judge, writer.store(), &interrupt)?;
    let positions = connection::Positions::of(writer.store().offsets()?);
    let keeper = Keeper::start(
        writer,
        settings.shares.store_bytes,
        publisher.clone(),
        Arc::clone(&metrics),
        Arc::clone(&health),
    )?;
    let lead =
        if args.standby { Some(lead::Lead::join(&settings.connection, &settings.group)?) } else { None };
    if let Some(lead) = &lead {
        health.trouble(health::Part::Start, "standing by: another member reads");
        if !lead.wait(&interrupt) {
            return keeper.finish().map(|_| Done::Clean);
        }
        say("note", "this member reads now");
    }
    let options = connection::source(&settings, formats, args.until_end)?;
    let source = KafkaSource::start(options, Box::new(positions.clone()));
    let source = source.map_err(|error| Failure::usage(error.to_string()))?;
    health.well(health::Part::Start);
    let driver = driver::Driver::new(driver::Parts {
        source,
        positions,
        folder,
        keeper,
        publisher,
        unread,
        metrics,
        health,
        printer,
        inputs,
        hangup,
        lead,
        settings,
        start,
        until_end: args.until_end,
    });
    driver.run(&interrupt)
}

/// Where results go, and what was told there before.
fn results(
    settings: &StreamSettings,
    writer: &mut Writer,
    health: &Arc<health::Health>,
) -> Result<(Option<Arc<Publisher>>, Option<Unread>), Failure> {
    let client = settings.connection.client_config().map_err(|error| Failure::usage(error.to_string()))?;
    let (origin, topic) = (Origin::of(&settings.group, writer)?, settings.results.findings.clone());
    let unread = topic.map(|topic| -> Result<Unread, Failure> {
        let stored = writer.store().meta(Places::KEY)?;
        let known = stored.and_then(|text| Places::parse(&text, &topic));
        let known = known.unwrap_or_else(|| Places::new(&topic, BTreeMap::new()));
        Ok(Unread { connection: settings.connection.clone(), topic, known, origin: origin.clone() })
    });
    let unread = unread.transpose()?;
    let known = unread.as_ref().map(|unread| unread.known.clone()).unwrap_or_default();
    let publisher = Publisher::new(client, settings, (origin, known), Arc::clone(health))?;
    Ok((publisher.map(Arc::new), unread))
}
