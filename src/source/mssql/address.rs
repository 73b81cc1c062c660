//! What does the URL or connection string say?

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use tiberius::{AuthMethod, Config, EncryptionLevel};

use crate::source::SourceError;
use crate::source::failure::{Address, TlsWords};
use crate::workspace::SourceConfig;

const EXAMPLE: &str = "mssql://user:password@host:1433/database";

/// What a URL's options may be called, without blanks and in lower case, and how they are shown.
const OPTIONS: [(&str, &str); 11] = [
    ("encrypt", "encrypt"),
    ("trustservercertificate", "trustServerCertificate"),
    ("trustservercertificateca", "trustServerCertificateCA"),
    ("hostnameincertificate", "hostNameInCertificate"),
    ("instance", "instance"),
    ("applicationintent", "applicationIntent"),
    ("applicationname", "applicationName"),
    ("integratedsecurity", "integratedSecurity"),
    ("accesstoken", "accessToken"),
    ("multisubnetfailover", "multiSubnetFailover"),
    ("packetsize", "packetSize"),
];

/// How to connect.
pub(super) struct Settings {
    pub(super) config: Config,
    /// Whether rows travel encrypted.
    pub(super) encrypted: bool,
    /// Whether a readable replica may answer.
    pub(super) reads_replica: bool,
}

/// The words of a URL or connection string, before they are understood.
#[derive(Default)]
struct Words {
    host: String,
    port: Option<u16>,
    user: String,
    password: Option<SecretString>,
    database: String,
    options: Vec<(String, String)>,
}

impl Words {
    fn option(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(option, value)| option == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    fn truth(&self, name: &str) -> Result<bool, String> {
        match self.option(name).map(str::to_lowercase).as_deref() {
            None | Some("false" | "no" | "0") => Ok(false),
            Some("true" | "yes" | "1" | "sspi") => Ok(true),
            Some(_) => Err(format!("{} is true or false", shown(name))),
        }
    }
}

/// How to connect, and what the server is called.
pub(super) fn read(source: &SourceConfig) -> Result<(Settings, Address), SourceError> {
    let bad = |why: String| {
        SourceError::Connect(format!(
            "the URL of the source \"{}\" cannot be read: {why}; write it like {EXAMPLE}",
            source.name
        ))
    };
    let words = match source.url.ado() {
        Some(pairs) => from_pairs(pairs).map_err(bad)?,
        None => from_url(source.url.expose()).map_err(bad)?,
    };
    understand(words).map_err(bad)
}

fn from_url(url: &str) -> Result<Words, String> {
    let url = url::Url::parse(url).map_err(|error| error.to_string())?;
    let decoded = |text: &str| {
        // The query's rules decode a plus sign too, and this text is none.
        let text = format!("x={}", text.replace('+', "%2B"));
        url::form_urlencoded::parse(text.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let mut words = Words {
        host: url.host_str().unwrap_or_default().to_owned(),
        port: url.port(),
        user: decoded(url.username()),
        password: url.password().map(|password| decoded(password).into()),
        database: decoded(url.path().trim_start_matches('/')),
        ..Words::default()
    };
    for (name, value) in url.query_pairs() {
        let plain = name.replace(['_', '-', ' '], "").to_lowercase();
        if !OPTIONS.iter().any(|(known, _)| *known == plain) {
            let known = OPTIONS.map(|(_, shown)| shown).join(", ");
            return Err(format!("there is no option \"{name}\" (there are {known})"));
        }
        words.options.push((plain, value.into_owned()));
    }
    Ok(words)
}

/// An ADO connection string has options of other drivers too, which are let be.
fn from_pairs(pairs: Vec<(String, String)>) -> Result<Words, String> {
    let mut words = Words::default();
    for (name, value) in pairs {
        match name.as_str() {
            "server" => server(&value, &mut words)?,
            "database" | "initialcatalog" => words.database = value,
            "userid" | "uid" | "user" | "username" => words.user = value,
            "password" | "pwd" => words.password = Some(value.into()),
            "trusted_connection" => words.options.push(("integratedsecurity".to_owned(), value)),
            _ => words.options.push((name, value)),
        }
    }
    Ok(words)
}

/// `tcp:host\INSTANCE,port`.
fn server(text: &str, words: &mut Words) -> Result<(), String> {
    let text = text
        .strip_prefix("tcp:")
        .or_else(|| text.strip_prefix("TCP:"))
        .unwrap_or(text);
    let (text, port) = match text.split_once(',') {
        Some((text, port)) => (text, Some(port.trim())),
        None => (text, None),
    };
    words.port = port
        .map(str::parse)
        .transpose()
        .map_err(|_| "the server's port is no number".to_owned())?;
    let (host, instance) = match text.split_once('\\') {
        Some((host, instance)) => (host, Some(instance)),
        None => (text, None),
    };
    words.host = match host.trim() {
        "" | "." | "(local)" => "localhost".to_owned(),
        host => host.to_owned(),
    };
    if let Some(instance) = instance {
        words
            .options
            .push(("instance".to_owned(), instance.trim().to_owned()));
    }
    Ok(())
}

fn understand(words: Words) -> Result<(Settings, Address), String> {
    if words.host.is_empty() {
        return Err("it names no host".to_owned());
    }
    let mut config = Config::new();
    let host = words.host.trim_matches(['[', ']']);
    config.host(host);
    let instance = words.option("instance");
    if let Some(port) = words.port {
        config.port(port);
    }
    // With a port there is nothing to look up, and the server need not know the instance's name.
    if let (Some(instance), None) = (instance, words.port) {
        config.instance_name(instance);
    }
    if !words.database.is_empty() {
        config.database(&words.database);
    }
    config.application_name(words.option("applicationname").unwrap_or("lookaside"));
    let encryption = match words
        .option("encrypt")
        .unwrap_or("on")
        .to_lowercase()
        .as_str()
    {
        "on" | "true" | "yes" | "mandatory" => EncryptionLevel::Required,
        "strict" => EncryptionLevel::Strict,
        "off" | "false" | "no" | "optional" => EncryptionLevel::Off,
        "none" | "danger_plaintext" => EncryptionLevel::NotSupported,
        _ => {
            return Err(
                "encrypt is on, strict, off (only the sign-in is encrypted) or none".to_owned(),
            );
        }
    };
    config.encryption(encryption);
    let authority = words.option("trustservercertificateca");
    let trusts_any = words.truth("trustservercertificate")?;
    match authority {
        // Never both: the driver would end the program.
        Some(_) if trusts_any => {
            return Err(
                "trustServerCertificate and trustServerCertificateCA exclude each other".to_owned(),
            );
        }
        Some(file) => config.trust_cert_ca(file),
        None if trusts_any => config.trust_cert(),
        None => {}
    }
    if let Some(name) = words.option("hostnameincertificate") {
        config.hostname_in_certificate(name);
    }
    if let Some(size) = words.option("packetsize") {
        let size = size
            .parse::<u32>()
            .ok()
            .filter(|size| (512..=32767).contains(size));
        config.packet_size(size.ok_or("packetSize is a number from 512 to 32767")?);
    }
    config.multi_subnet_failover(words.truth("multisubnetfailover")?);
    let reads_replica = match words
        .option("applicationintent")
        .map(str::to_lowercase)
        .as_deref()
    {
        None | Some("readwrite") => false,
        Some("readonly") => true,
        Some(_) => return Err("applicationIntent is ReadOnly or ReadWrite".to_owned()),
    };
    config.readonly(reads_replica);
    // Whoever waits has a limit of their own, which is the report's; the driver's 30 seconds would end a slow report.
    config.command_timeout(None);
    config.handshake_timeout(None);
    let user = sign_in(&mut config, &words)?;
    let address = Address {
        product: "SQL Server",
        host: match instance {
            Some(instance) if words.port.is_none() => format!("{host}\\{instance}"),
            _ => words.host.clone(),
        },
        port: Some(match (words.port, instance) {
            (Some(port), _) => port,
            // Where the instance's name is asked.
            (None, Some(_)) => 1434,
            (None, None) => 1433,
        }),
        user,
        database: words.database.clone(),
        tls: TlsWords {
            mode: "encrypt",
            some: "on",
            best: "on",
            authority: "trustServerCertificateCA",
        },
        encrypts: !matches!(encryption, EncryptionLevel::NotSupported),
        missing_file: authority
            .filter(|file| !Path::new(file).is_file())
            .map(ToOwned::to_owned),
    };
    let settings = Settings {
        config,
        encrypted: matches!(
            encryption,
            EncryptionLevel::Required | EncryptionLevel::Strict
        ),
        reads_replica,
    };
    Ok((settings, address))
}

/// Sets how to sign in; answers who.
fn sign_in(config: &mut Config, words: &Words) -> Result<String, String> {
    if let Some(token) = words.option("accesstoken") {
        config.authentication(AuthMethod::aad_token(token));
        return Ok("the access token's user".to_owned());
    }
    if words.truth("integratedsecurity")? {
        return windows(config, words);
    }
    let password = words
        .password
        .as_ref()
        .map_or("", ExposeSecret::expose_secret);
    config.authentication(AuthMethod::sql_server(&words.user, password));
    Ok(words.user.clone())
}

#[cfg(windows)]
fn windows(config: &mut Config, words: &Words) -> Result<String, String> {
    match &words.password {
        Some(password) => {
            let password = password.expose_secret();
            config.authentication(AuthMethod::windows(&words.user, password));
            Ok(words.user.clone())
        }
        None => {
            config.authentication(AuthMethod::Integrated);
            Ok("the Windows user".to_owned())
        }
    }
}

#[cfg(not(windows))]
fn windows(_: &mut Config, _: &Words) -> Result<String, String> {
    Err(
        "integratedSecurity needs Windows; use a SQL login, or an Entra ID token with accessToken=${NAME}"
            .to_owned(),
    )
}

fn shown(option: &str) -> &str {
    OPTIONS
        .iter()
        .find(|(name, _)| *name == option)
        .map_or(option, |(_, shown)| shown)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(url: &str) -> Result<String, String> {
        match read(&SourceConfig::new("s", url)) {
            Ok((_, address)) => Ok(format!("{}@{address}/{}", address.user, address.database)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn urls_and_connection_strings_say_the_same() {
        for (url, want) in [
            (
                "mssql://me:p%40%2Bss@db:1533/shop?encrypt=strict",
                "me@db:1533/shop",
            ),
            ("sqlserver://me@db/shop", "me@db:1433/shop"),
            (
                "mssql://me@db/shop?instance=SALES",
                "me@db\\SALES:1434/shop",
            ),
            (
                "Server=tcp:db,1533;Initial Catalog=shop;User ID=me;Password='p;1';Connect Timeout=30",
                "me@db:1533/shop",
            ),
            (
                "mssql:Data Source=.\\SALES;Database=shop;Uid=me",
                "me@localhost\\SALES:1434/shop",
            ),
            (
                "mssql://db/shop?accessToken=abc",
                "the access token's user@db:1433/shop",
            ),
        ] {
            assert_eq!(address(url).as_deref(), Ok(want), "{url}");
        }
    }

    #[test]
    fn mistakes_are_named_without_the_password() {
        for (url, want) in [
            (
                "mssql://me:s3cret@db/shop?encrypted=yes",
                "no option \"encrypted\"",
            ),
            (
                "mssql://me:s3cret@db/shop?encrypt=maybe",
                "encrypt is on, strict, off",
            ),
            (
                "mssql://me:s3cret@db/shop?trustServerCertificate=true&trustServerCertificateCA=x",
                "exclude each other",
            ),
            ("Server=db,x;Password=s3cret", "port is no number"),
        ] {
            let error = address(url).unwrap_err();
            assert!(error.contains(want) && !error.contains("s3cret"), "{error}");
        }
    }
}
