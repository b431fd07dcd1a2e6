//! Speed of a stream of mixed formats beside streams of one.
//!
//! In: log files, of one format each. Out: CPU time of a record of each file, of all files one after the other, and of one
//! stream in which their lines take turns. Owns: the turns: each file is spread evenly over the stream.

use offbound_ingest::fuzzing::Work;

use crate::{median, read, timed};

const ROUNDS: usize = 5;

/// Reads each file by itself, and all of them as one stream.
pub fn compare(paths: &[String]) {
    let files: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("the file can be read")).collect();
    let lines: Vec<Vec<&[u8]>> =
        files.iter().map(|file| file.split_inclusive(|byte| *byte == b'\n').collect()).collect();
    let mut turns: Vec<(f64, &[u8])> = lines
        .iter()
        .flat_map(|lines| lines.iter().enumerate().map(|(at, line)| ((at as f64 + 0.5) / lines.len() as f64, *line)))
        .collect();
    turns.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let stream = turns.iter().map(|(_, line)| *line).collect::<Vec<_>>().concat();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); files.len() + 1];
    for _ in 0..ROUNDS {
        for (times, bytes) in times.iter_mut().zip(files.iter().chain([&stream])) {
            times.push(timed(|| drop(read(bytes, Work::Whole))));
        }
    }
    let mut medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let of_stream = medians.pop().unwrap_or_default();
    for ((path, lines), seconds) in paths.iter().zip(&lines).zip(&medians) {
        println!("{path:<40} {:>8} lines {:>7.2} us a line", lines.len(), seconds * 1e6 / lines.len() as f64);
    }
    let of_files: f64 = medians.iter().sum();
    let each = 1e6 / turns.len() as f64;
    println!(
        "file by file {:.2} us a line, in turns {:.2} us, {:.2} times as long",
        of_files * each, of_stream * each, of_stream / of_files,
    );
}
