//! Writes the seeds: for each format its sample line, and for `auto` all of them.
//!
//! In: the list of formats. Out: `fuzz/corpus/<target>/sample-*`. Law: seeds are what the formats say of themselves.

use std::fs;
use std::io;
use std::path::Path;

use offbound_ingest::decode::FORMATS;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for format in FORMATS {
        for target in [format.id, "auto"] {
            fs::create_dir_all(corpus.join(target))?;
            fs::write(corpus.join(target).join(format!("sample-{}", format.id)), format.sample)?;
        }
    }
    Ok(())
}
