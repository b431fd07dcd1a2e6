//! Programs by what they are for: servers, shells, downloaders, interpreters, and paths anybody can write to.
//!
//! In: an executable path or command name. Out: its class. Owns: the lists.
//! Source: the program classes that public host rules agree on (falcosecurity/rules: shell binaries, protected
//! shell spawners, interpreters; SigmaHQ linux/process_creation). A list is a heuristic: findings name it.

/// What a program is for, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Shell,
    Downloader,
    Interpreter,
    Other,
}

const SHELLS: &[&str] = &[
    "sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "ksh93", "mksh", "csh", "bsd-csh", "tcsh", "fish",
    "busybox",
];
/// Also as kernels name them, which see what a link leads to (Debian's alternatives).
const DOWNLOADERS: &[&str] =
    &["curl", "wget", "nc", "nc.openbsd", "nc.traditional", "ncat", "netcat", "socat", "tftp", "ftp", "scp"];
const INTERPRETERS: &[&str] = &["python", "python2", "python3", "perl", "ruby", "lua", "php", "node"];
/// Interpreters whose files carry a version right behind the name (`perl5.36.0`, `php8.2`).
const VERSIONED: &[&str] = &["perl", "php", "lua"];
const SERVERS: &[&str] = &[
    "java",
    "nginx",
    "httpd",
    "apache2",
    "lighttpd",
    "caddy",
    "haproxy",
    "tomcat",
    "catalina",
    "php-fpm",
    "node",
    "nodejs",
    "gunicorn",
    "uwsgi",
    "uvicorn",
    "puma",
    "unicorn",
    "python",
    "python3",
    "ruby",
    "dotnet",
    "beam.smp",
    "mysqld",
    "mariadbd",
    "postgres",
    "redis-server",
    "mongod",
    "memcached",
    "rabbitmq-server",
    "named",
    "sqlservr",
];

/// Folders that an unprivileged process can write to.
const WRITABLE: &[&str] =
    &["/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/", "/dev/mqueue/", "memfd:", "/memfd:"];

/// The last part of a path, without the version that interpreters carry (`python3.11`), and without what the kernel adds
/// to the path of a file that is gone.
pub(crate) fn base_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    let cut = match name {
        _ if name.starts_with("python") || name.starts_with("ruby") => name.find('.'),
        _ => VERSIONED.iter().find_map(|program| {
            let version =
                name.strip_prefix(program).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?;
            version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(program.len())
        }),
    };
    let name = cut.and_then(|at| name.get(..at)).unwrap_or(name);
    match name.strip_prefix("php-fpm") {
        Some(version) if version.chars().all(|c| c.is_ascii_digit() || c == '.') => "php-fpm",
        _ => name,
    }
}

/// Whether a program, started by a server, is what intruders start: a shell, a downloader or an interpreter.
pub(crate) fn is_hands_on(path: &str) -> bool {
    matches!(tool(path), Program::Shell | Program::Downloader | Program::Interpreter)
}

/// The class of a program as a child.
pub(crate) fn tool(path: &str) -> Program {
    let name = base_name(path);
    let classes =
        [(SHELLS, Program::Shell), (DOWNLOADERS, Program::Downloader), (INTERPRETERS, Program::Interpreter)];
    classes.into_iter().find(|(list, _)| list.contains(&name)).map_or(Program::Other, |(_, class)| class)
}

/// Whether a program serves requests of others.
pub(crate) fn is_server(path: &str) -> bool {
    SERVERS.contains(&base_name(path))
}

/// Whether a path lies where an unprivileged process can write.
pub(crate) fn is_writable_path(path: &str) -> bool {
    WRITABLE.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: paths as sensors write them. Guarantees: versions and folders do not hide a class.
    #[test]
    fn classes() {
        assert_eq!(tool("/usr/bin/python3.11"), Program::Interpreter);
        assert_eq!(tool("/usr/bin/perl5.36.0"), Program::Interpreter);
        assert_eq!(
            [base_name("php8.2"), base_name("lua5.4"), base_name("perldoc")],
            ["php", "lua", "perldoc"]
        );
        assert_eq!(tool("bash"), Program::Shell);
        assert_eq!(tool("/usr/bin/bash (deleted)"), Program::Shell);
        assert_eq!(tool("/usr/bin/nc.openbsd"), Program::Downloader);
        assert!(is_server("/usr/sbin/php-fpm8.2") && is_server("/opt/java/bin/java"));
        assert!(!is_server("/bin/sh") && !is_hands_on("/usr/bin/java"));
        assert!(is_writable_path("/dev/shm/x") && !is_writable_path("/usr/tmpfile"));
    }
}
