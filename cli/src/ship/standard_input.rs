//! Standard input without waiting for it.
//!
//! In: whatever comes through the pipe, read by a thread of its own. Out: a reader that says `WouldBlock` while nothing
//! is there. Owns: the thread, and the bound of what waits.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

/// Bytes of one read: what a pipe holds.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait, at most; then whoever writes into the pipe waits.
const MAX_CHUNKS: usize = 16;

/// The reader.
pub(crate) struct StandardInput {
    chunks: Receiver<io::Result<Vec<u8>>>,
    rest: io::Cursor<Vec<u8>>,
}

impl StandardInput {
    /// Begins to read.
    pub(crate) fn start() -> io::Result<Self> {
        Self::of(io::stdin())
    }

    fn of(mut input: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(MAX_CHUNKS);
        thread::Builder::new().name("offbound-stdin".to_owned()).spawn(move || {
            loop {
                let mut chunk = vec![0; CHUNK_BYTES];
                let read = match input.read(&mut chunk) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) => return,
                    Ok(length) => {
                        chunk.truncate(length);
                        Ok(chunk)
                    }
                    Err(error) => Err(error),
                };
                let is_last = read.is_err();
                if sender.send(read).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Self { chunks, rest: io::Cursor::default() })
    }
}

impl Read for StandardInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.rest.read(buffer)?;
        if length > 0 || buffer.is_empty() {
            return Ok(length);
        }
        match self.chunks.try_recv() {
            Ok(chunk) => self.rest = io::Cursor::new(chunk?),
            Err(TryRecvError::Empty) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryRecvError::Disconnected) => return Ok(0),
        }
        self.rest.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a pipe that is read to its end, with looks before anything is there. Guarantees: all bytes in order, and
    /// then the end.
    #[test]
    fn all_bytes_in_order() {
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut input = StandardInput::of(io::Cursor::new(bytes.clone())).expect("a thread");
        let (mut found, mut buffer) = (Vec::new(), vec![0; 7_000]);
        loop {
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => found.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(found, bytes);
    }
}
