//! A broker: started, killed, started again on what it had stored, and gone with its handle.
//!
//! In: [`BrokerOptions`]. Out: addresses to connect to. Owns: the folder of its data, its ports, the plain client that
//! the tests' own requests go through. One broker may be shared by all tests of a process ([`shared`]).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::configuration::{BrokerOptions, Listener, PASSWORD, Ports, USER, properties};
use crate::distribution::{class_path, ending, run};
use crate::error::TestbedError;
use crate::process::{Process, new_log};

/// Environment variable with the address of a broker to be used instead of an own one.
const EXISTING: &str = "OFFBOUND_KAFKA";
/// How long a start may take: a slow machine that compiles beside it.
const START_TIME: Duration = Duration::from_secs(240);
/// Longest wait for one answer of a broker that is starting.
const ANSWER_TIME: Duration = Duration::from_millis(500);
/// Starts with other ports, where one was taken meanwhile.
const MAX_STARTS: usize = 3;

/// A running Apache Kafka.
#[derive(Debug)]
pub struct Broker {
    bootstrap: String,
    own: Option<Own>,
}

/// What there is of a broker that was started here.
#[derive(Debug)]
struct Own {
    class_path: String,
    options: BrokerOptions,
    ports: Ports,
    certificates: Certificates,
    /// None while it is killed. Dropped before the folder.
    process: Mutex<Option<Process>>,
    folder: TempDir,
}

/// The broker that all tests of this process share; it has every kind of listener, unless `OFFBOUND_KAFKA` names
/// another. It ends with the process.
pub fn shared() -> Result<&'static Broker, TestbedError> {
    static SHARED: OnceLock<Result<Broker, TestbedError>> = OnceLock::new();
    let listeners =
        vec![Listener::Tls, Listener::MutualTls, Listener::SaslTls, Listener::WrongHost, Listener::Expired];
    let start = || match env::var(EXISTING) {
        Ok(address) => Broker::existing(address),
        Err(_unset) => Broker::start(BrokerOptions { listeners, ..BrokerOptions::default() }),
    };
    SHARED.get_or_init(start).as_ref().map_err(Clone::clone)
}

impl Broker {
    /// Starts a broker of its own and waits until it answers.
    pub fn start(options: BrokerOptions) -> Result<Self, TestbedError> {
        let mut starts = 1;
        loop {
            match Self::start_once(options.clone()) {
                Err(TestbedError::NotReady { log, .. })
                    if starts < MAX_STARTS && log.contains("Address already in use") =>
                {
                    starts += 1;
                }
                done => return done,
            }
        }
    }

    fn start_once(options: BrokerOptions) -> Result<Self, TestbedError> {
        let class_path = class_path()?;
        let folder = tempfile::Builder::new().prefix("offbound-kafka-").tempdir();
        let folder = folder.map_err(|error| TestbedError::file(env::temp_dir(), error))?;
        let certificates = Certificates::make(folder.path())?;
        let ports = free_ports(&options.listeners)?;
        let own = Own { class_path, options, ports, certificates, process: Mutex::new(None), folder };
        own.format()?;
        let broker = Self { bootstrap: format!("127.0.0.1:{}", own.ports.plain), own: Some(own) };
        broker.restart()?;
        Ok(broker)
    }

    /// A broker that runs already.
    pub fn existing(bootstrap: impl Into<String>) -> Result<Self, TestbedError> {
        Self::existing_within(&bootstrap.into(), START_TIME)
    }

    /// The same, where it answers within so long.
    pub fn existing_within(bootstrap: &str, longest: Duration) -> Result<Self, TestbedError> {
        let broker = Self { bootstrap: bootstrap.to_owned(), own: None };
        broker.wait_ready(None, longest)?;
        Ok(broker)
    }

    /// Address of the plain listener.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Address of another listener.
    pub fn address(&self, listener: Listener) -> Result<String, TestbedError> {
        let own = self.own("a listener with TLS")?;
        let port = own.ports.others.iter().find(|(other, _port)| *other == listener).map(|(_, port)| *port);
        let port = port.ok_or(TestbedError::External { action: "a listener that was not asked for" })?;
        Ok(format!("127.0.0.1:{port}"))
    }

    /// Its certificates.
    pub fn certificates(&self) -> Result<&Certificates, TestbedError> {
        Ok(&self.own("a certificate")?.certificates)
    }

    /// Kills it at once, as a power cut of its machine would (what the operating system holds is written).
    pub fn kill(&self) -> Result<(), TestbedError> {
        if let Some(process) = self.own("a kill")?.process().take() {
            process.kill();
        }
        Ok(())
    }

    /// Starts it again, on the same data and ports.
    pub fn restart(&self) -> Result<(), TestbedError> {
        let own = self.own("a restart")?;
        let mut process = own.process();
        if process.is_none() {
            new_log(own.folder.path())?;
            *process = Some(Process::start(own.folder.path(), &own.command("kafka.Kafka"))?);
        }
        self.wait_ready(process.as_mut(), START_TIME)
    }

    /// Processor time that it has used since its last start, in seconds, where the system tells.
    #[must_use]
    pub fn cpu_seconds(&self) -> Option<f64> {
        self.own.as_ref()?.process().as_ref()?.cpu_seconds()
    }

    /// Process id, where it runs and is our own.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.own.as_ref()?.process().as_ref().map(Process::id)
    }

    /// Folder of its data, configuration, certificates and log, where it is our own.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.folder.path())
    }

    fn own(&self, action: &'static str) -> Result<&Own, TestbedError> {
        self.own.as_ref().ok_or(TestbedError::External { action })
    }

    /// Waits until it answers, or its process ends.
    fn wait_ready(&self, mut process: Option<&mut Process>, longest: Duration) -> Result<(), TestbedError> {
        let started = Instant::now();
        while started.elapsed() < longest {
            if self.answers() {
                return Ok(());
            }
            if process.as_mut().is_some_and(|process| process.has_ended()) {
                break;
            }
        }
        Err(TestbedError::NotReady {
            address: self.bootstrap.clone(),
            waited_secs: started.elapsed().as_secs(),
            log: process.map(|process| ending(&process.log())).unwrap_or_default(),
        })
    }

    fn answers(&self) -> bool {
        // A client of its own each time: one that was refused waits before it tries again.
        let client: Result<BaseConsumer, _> = self.client_config().create();
        client.is_ok_and(|client| {
            client.fetch_metadata(None, ANSWER_TIME).is_ok_and(|metadata| !metadata.brokers().is_empty())
        })
    }

    /// Configuration of a client through the plain listener.
    pub(crate) fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("log_level", "0");
        config
    }
}

impl Own {
    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn properties_file(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    /// Writes the configuration and makes the data folder a storage of Kafka's, with our user in it.
    fn format(&self) -> Result<(), TestbedError> {
        let file = self.properties_file();
        let data = self.folder.path().join("data");
        let text = properties(&self.options, &self.ports, &self.certificates, &data);
        fs::write(&file, text).map_err(|error| TestbedError::file(&file, error))?;
        let mut command = self.command("kafka.tools.StorageTool");
        let properties = command.pop().unwrap_or_default();
        command.extend(["format", "--cluster-id", "offbound-testbed-0000w", "--config"].map(OsString::from));
        command.push(properties);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            command.push("--add-scram".into());
            command.push(format!("{mechanism}=[name={USER},password={PASSWORD}]").into());
        }
        run("java", command.get(1..).unwrap_or_default()).map(|_output| ())
    }

    /// `java` with a class of Kafka's and the configuration.
    fn command(&self, class: &str) -> Vec<OsString> {
        // Without the second compiler it is there sooner, and slower for ever after.
        let compiler = if self.options.for_load { "-XX:+UseG1GC" } else { "-XX:TieredStopAtLevel=1" };
        let collector = if self.options.for_load { "-XX:MaxGCPauseMillis=20" } else { "-XX:+UseSerialGC" };
        let heap = format!("-Xmx{}m", self.options.heap_mib);
        let log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
        let mut command: Vec<OsString> =
            ["java", &heap, compiler, collector, log, "-cp"].map(OsString::from).into();
        command.extend([OsString::from(&self.class_path), class.into(), self.properties_file().into()]);
        command
    }
}

/// Ports that are free now.
fn free_ports(listeners: &[Listener]) -> Result<Ports, TestbedError> {
    let failed = |error: std::io::Error| TestbedError::file(Path::new("127.0.0.1:0"), error);
    let mut held = Vec::new();
    let mut free = || {
        let socket = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        held.push(socket);
        Ok(port)
    };
    Ok(Ports {
        plain: free()?,
        controller: free()?,
        others: listeners.iter().map(|listener| Ok((*listener, free()?))).collect::<Result<_, _>>()?,
    })
}
