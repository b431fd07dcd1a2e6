//! temp
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;
use offbound_ingest::*;
use offbound_schemas::EventBatch;
use offbound_schemas::table::DeadLetter;
use offbound_store::Store;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
struct S<'a>(&'a SyncSender<EventBatch>);
impl IngestSink for S<'_> {
    fn rows(&mut self, rows: EventBatch) -> ControlFlow<()> { self.0.send(rows).unwrap(); ControlFlow::Continue(()) }
    fn dead_letter(&mut self, _: DeadLetter) {}
    fn progress(&mut self, _: u64, _: u64) {}
}
fn main() {
    let mut args = std::env::args().skip(1);
    let store = args.next().unwrap();
    let paths: Vec<String> = args.collect();
    let started = Instant::now();
    let mut writer = Store::create(Path::new(&store)).unwrap();
    let (inputs, _) = expand(&paths);
    let options = IngestOptions { sources: vec![], key: FingerprintKey::new(&[7; 32]) };
    std::thread::scope(|s| {
        let (tx, rx) = sync_channel(4);
        let (inputs, options) = (&inputs, &options);
        std::thread::Builder::new().name("reader".into()).spawn_scoped(s, move || {
            for i in inputs { let r = read_input(i, options, &mut S(&tx)); eprintln!("{:?}", r.map(|r| r.count)); }
            eprintln!("read {:?}", started.elapsed());
        }).unwrap();
        let mut busy = std::time::Duration::ZERO;
        for b in rx { let t = Instant::now(); writer.append(&b).unwrap(); busy += t.elapsed(); }
        let t = Instant::now(); writer.flush().unwrap(); busy += t.elapsed();
        eprintln!("store busy {busy:?}");
    });
    eprintln!("total {:?}", started.elapsed());
    for line in std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l| l.starts_with("VmHWM")) { eprintln!("{line}"); }
}
