//! Operations of io_uring, which are audited as URINGOP and never as the system call that they stand for.
//!
//! In: the number in `uring_op` (Linux 6.15). Out: the name of the call that does the same. Owns: the numbers.
//! Law: an operation that no system call stands for has no name.

/// Names by number; `-` stands for an operation without a system call.
const OPERATIONS: &str = "\
    - readv writev fsync pread64 pwrite64 - - sync_file_range sendmsg recvmsg - - accept - - connect fallocate openat \
    close - statx read write - madvise send recv openat2 epoll_ctl splice - - tee shutdown renameat2 unlinkat mkdirat \
    symlinkat linkat - fsetxattr setxattr fgetxattr getxattr socket - send sendmsg - waitid - - - - ftruncate bind listen";

/// The call that operation `number` stands for.
pub(super) fn call(number: &str) -> Option<&'static str> {
    let number: usize = number.parse().ok()?;
    OPERATIONS.split_ascii_whitespace().nth(number).filter(|name| *name != "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: numbers of operations, known and not. Guarantees: names stand at their numbers.
    #[test]
    fn numbers() {
        for (number, expected) in [
            ("0", None),
            ("13", Some("accept")),
            ("16", Some("connect")),
            ("18", Some("openat")),
            ("28", Some("openat2")),
            ("35", Some("renameat2")),
            ("36", Some("unlinkat")),
            ("45", Some("socket")),
            ("55", Some("ftruncate")),
            ("57", Some("listen")),
            ("999", None),
            ("x", None),
        ] {
            assert_eq!(call(number), expected, "{number}");
        }
    }
}
