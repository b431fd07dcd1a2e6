//! Certificates for the listeners of a broker and for its clients, made anew for each broker.
//!
//! In: nothing. Out: PEM files: an authority, server certificates that are right, for another host, and expired, one of
//! a client, and an authority that signed none of them. Only ever trusted by tests.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::error::TestbedError;

/// An authority and the file with its certificate.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// PEM file of its certificate.
    pub certificate: PathBuf,
}

/// A certificate and its key, each a PEM file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key, PKCS#8.
    pub key: PathBuf,
    /// Key and certificate in one file, as a broker wants them.
    pub both: PathBuf,
}

/// All that a broker and its clients need.
#[derive(Debug)]
pub struct Certificates {
    /// Signed all the others.
    pub authority: Authority,
    /// Signed nothing here.
    pub stranger: Authority,
    /// For 127.0.0.1 and localhost.
    pub server: Pair,
    /// For another host.
    pub wrong_host: Pair,
    /// For 127.0.0.1, long ago.
    pub expired: Pair,
    /// Of a client.
    pub client: Pair,
}

const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

impl Certificates {
    /// Makes all of them in a folder.
    pub fn make(folder: &Path) -> Result<Self, TestbedError> {
        let authority = Authority::make(folder, "authority")?;
        Ok(Self {
            stranger: Authority::make(folder, "stranger")?,
            server: authority.sign(folder, "server", &LOOPBACK, false)?,
            wrong_host: authority.sign(folder, "wrong-host", &["broker.example.org"], false)?,
            expired: authority.sign(folder, "expired", &LOOPBACK, true)?,
            client: authority.sign(folder, "client", &[], false)?,
            authority,
        })
    }
}

impl Authority {
    /// Makes an authority.
    pub fn make(folder: &Path, name: &str) -> Result<Self, TestbedError> {
        let failed = |error: rcgen::Error| TestbedError::Certificate {
            name: name.to_owned(),
            problem: error.to_string(),
        };
        let mut params = named(name, &[]).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let file = write(folder, &format!("{name}.pem"), &certificate.pem())?;
        Ok(Self { issuer: Issuer::new(params, key), certificate: file })
    }

    /// Makes a certificate for a server with these names, or for a client where there is none.
    pub fn sign(
        &self,
        folder: &Path,
        name: &str,
        hosts: &[&str],
        is_expired: bool,
    ) -> Result<Pair, TestbedError> {
        let failed = |error: rcgen::Error| TestbedError::Certificate {
            name: name.to_owned(),
            problem: error.to_string(),
        };
        let mut params = named(name, hosts).map_err(failed)?;
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if is_expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        let key = key.serialize_pem();
        Ok(Pair {
            both: write(folder, &format!("{name}.both.pem"), &format!("{key}{certificate}"))?,
            certificate: write(folder, &format!("{name}.pem"), &certificate)?,
            key: write(folder, &format!("{name}.key"), &key)?,
        })
    }
}

fn named(name: &str, hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, TestbedError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|error| TestbedError::file(&path, error))?;
    Ok(path)
}
