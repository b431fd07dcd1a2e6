//! Logs to committed segments, and nothing else: the write path on all cores, as `offbound replay --store` has it.
//!
//! In: a folder for the store, then paths. Out: on standard output one JSON object with the counts, the time and the
//! memory it took. Leaves to `write_path.py` the comparison. Law: what is measured is what the command runs.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use offbound_bench::{Failure, store_logs};
use offbound_ingest::SourceRead;
use offbound_store::Store;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((store, paths)) = arguments.split_first() else {
        eprintln!("usage: segments STORE PATH…");
        return ExitCode::from(3);
    };
    match run(Path::new(store), paths) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Reads and stores, and says what it took.
fn run(store: &Path, paths: &[String]) -> Result<String, Failure> {
    let started = Instant::now();
    let (mut writer, reads) = store_logs(Store::create(store)?, paths)?;
    let read_seconds = started.elapsed().as_secs_f64();
    writer.put_sources(&reads.iter().map(|read| read.count.clone()).collect::<Vec<_>>())?;
    writer.flush()?;
    let seconds = started.elapsed().as_secs_f64();
    let sum = |of: fn(&SourceRead) -> u64| reads.iter().map(of).sum::<u64>();
    let contents = writer.store().contents()?;
    let rows: Vec<String> =
        contents.iter().map(|table| format!("\"{}\":{}", table.table.name(), table.rows)).collect();
    Ok(format!(
        "{{\"seconds\":{seconds:.3},\"read_seconds\":{read_seconds:.3},\"bytes\":{},\"read\":{},\"decoded\":{},\
         \"dead_lettered\":{},\"stored_bytes\":{},\"segments\":{},\"rows\":{{{}}}}}",
        sum(|read| read.bytes),
        sum(|read| read.count.read),
        sum(|read| read.count.decoded),
        sum(|read| read.count.dead_lettered.values().sum()),
        contents.iter().map(|table| table.bytes).sum::<u64>(),
        contents.iter().map(|table| table.segments).sum::<u64>(),
        rows.join(",")
    ))
}
