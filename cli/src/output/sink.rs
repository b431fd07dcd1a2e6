//! Where results go: standard output, or the file of `--out`.
//!
//! In: the option. Out: a writer that is open before the long work begins.
//! Law: a place that cannot be written is told at once, not after an hour of reading.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use crate::exit::Failure;

/// A place for results.
pub(crate) struct Sink {
    name: String,
    writer: Box<dyn Write>,
    is_terminal: bool,
}

impl Sink {
    /// Opens the file, or takes standard output.
    pub(crate) fn open(out: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = out else {
            let writer = Box::new(BufWriter::new(io::stdout()));
            return Ok(Self {
                name: "standard output".into(),
                writer,
                is_terminal: io::stdout().is_terminal(),
            });
        };
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| {
            Failure::could_not(format!(
                "cannot write {name}: {error}; choose another --out, or make the folder"
            ))
        })?;
        Ok(Self { name, writer: Box::new(BufWriter::new(file)), is_terminal: false })
    }

    /// Whether a person is looking.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Lets `write` write, and makes sure that all of it arrived.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let result = write(&mut *self.writer).and_then(|()| self.writer.flush());
        result.map_err(|error| Failure::write(&self.name, &error))
    }
}
