//! Log lines on standard error: text or JSON, never a bare outside byte.
//!
//! In: `tracing` events of every crate. Out: lines on standard error.
//! Owns: levels and form. Leaves to crates: constant messages, values in fields.
//! Law SCREEN-1: whatever a value holds, a terminal only ever sees visible text.

use std::io::{self, Write};

use offbound_schemas::untrusted::safe;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::LogFormat;

/// Starts logging; called once, before anything is read.
pub(crate) fn start(form: LogFormat, verbosity: u8) {
    let level = match verbosity {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(Gate);
    match form {
        LogFormat::Text => builder.with_target(false).without_time().init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// Makes writers that let a line through only as visible text.
#[derive(Debug, Clone, Copy)]
struct Gate;

impl<'a> MakeWriter<'a> for Gate {
    type Writer = GateWriter;

    fn make_writer(&'a self) -> GateWriter {
        GateWriter
    }
}

/// One log line at a time (the subscriber writes an event in one piece).
#[derive(Debug)]
struct GateWriter;

impl Write for GateWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let mut line = safe::line(text.trim_end_matches('\n')).to_string();
        line.push('\n');
        io::stderr().lock().write_all(line.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
