//! Decides which schemes and parameters a URL may have. Both are lists of what has an effect; anything else is refused, because a
//! parameter that is passed over may be the one that was to keep a connection safe.
//!
//! Values are shown only of the parameters in [`PUBLIC`]; no message holds another one.

use super::ConnectionUrl;
use super::cursor::nearest;

const CACHE_SCHEMES: [&str; 9] = [
    "redis",
    "rediss",
    "redis+unix",
    "valkey+unix",
    "unix",
    "valkey",
    "valkeys",
    "redis-cluster",
    "rediss-cluster",
];
const CACHE_EXAMPLE: &str = "\"redis://127.0.0.1:6379/0\", rediss:// or redis+unix://";

const SOURCE_SCHEMES: [&str; 7] = [
    "sqlite",
    "mysql",
    "mariadb",
    "postgres",
    "postgresql",
    "mssql",
    "sqlserver",
];
const SOURCE_EXAMPLE: &str =
    "sqlite:FILE, mysql://USER@HOST/DATABASE, postgres://... or mssql://...";

/// The parameters of a scheme. Each name has the forms that its driver takes.
fn known(scheme: &str) -> &'static [&'static str] {
    match scheme {
        "redis" | "rediss" | "valkey" | "valkeys" | "redis-cluster" | "rediss-cluster" => {
            &["ca", "codec", "protocol"]
        }
        "redis+unix" | "valkey+unix" | "unix" => &["db", "user", "pass", "codec", "protocol"],
        "sqlite" => &["mode"],
        // Not charset, collation and timezone: they change what a SELECT answers, and belong to the SQL.
        "mysql" | "mariadb" => &[
            "ssl-mode",
            "sslmode",
            "ssl-ca",
            "sslca",
            "ssl-cert",
            "sslcert",
            "ssl-key",
            "sslkey",
            "socket",
            "statement-cache-capacity",
        ],
        "postgres" | "postgresql" => &[
            "sslmode",
            "ssl-mode",
            "sslrootcert",
            "ssl-root-cert",
            "ssl-ca",
            "sslcert",
            "ssl-cert",
            "sslkey",
            "ssl-key",
            "host",
            "hostaddr",
            "port",
            "dbname",
            "user",
            "password",
            "application_name",
            "options",
            "statement-cache-capacity",
        ],
        _ => &[
            "encrypt",
            "trustServerCertificate",
            "trustServerCertificateCA",
            "hostNameInCertificate",
            "instance",
            "applicationIntent",
            "applicationName",
            "integratedSecurity",
            "accessToken",
            "multiSubnetFailover",
            "packetSize",
        ],
    }
}

/// The values that a parameter may have; empty where it is no choice of a few.
fn choices(scheme: &str, name: &str) -> &'static [&'static str] {
    match (scheme, name) {
        (_, "codec") => &["none", "lz4", "zstd"],
        (_, "protocol") => &["2", "3", "resp2", "resp3"],
        ("mysql" | "mariadb", "ssl-mode" | "sslmode") => &[
            "DISABLED",
            "PREFERRED",
            "REQUIRED",
            "VERIFY_CA",
            "VERIFY_IDENTITY",
        ],
        ("postgres" | "postgresql", "sslmode" | "ssl-mode") => &[
            "disable",
            "allow",
            "prefer",
            "require",
            "verify-ca",
            "verify-full",
        ],
        _ => &[],
    }
}

/// Keywords of an ADO connection string besides the parameters of a `mssql:` URL, in lower case and without blanks.
const ADO: [&str; 14] = [
    "server",
    "database",
    "initialcatalog",
    "userid",
    "uid",
    "user",
    "username",
    "password",
    "pwd",
    "trusted_connection",
    "app",
    // What other drivers need and what has nothing to do with a connection that only reads reports.
    "persistsecurityinfo",
    "multipleactiveresultsets",
    "mars_connection",
];

/// Keywords that tune the pool, the timeouts and the diagnostics of other drivers.
const ADO_WITHOUT_EFFECT: [&str; 17] = [
    "connecttimeout",
    "connectiontimeout",
    "timeout",
    "commandtimeout",
    "pooling",
    "minpoolsize",
    "maxpoolsize",
    "connectionlifetime",
    "loadbalancetimeout",
    "poolblockingperiod",
    "connectretrycount",
    "connectretryinterval",
    "connectionreset",
    "enlist",
    "workstationid",
    "wsid",
    "asynchronousprocessing",
];

/// Parameters whose values may be shown: no secret fits into them. Without `-`, `_` and case.
const PUBLIC: [&str; 39] = [
    "ca",
    "codec",
    "protocol",
    "db",
    "user",
    "mode",
    "sslmode",
    "sslca",
    "sslrootcert",
    "sslcert",
    "socket",
    "statementcachecapacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "applicationname",
    "options",
    "encrypt",
    "trustservercertificate",
    "trustservercertificateca",
    "hostnameincertificate",
    "instance",
    "applicationintent",
    "integratedsecurity",
    "multisubnetfailover",
    "packetsize",
    "server",
    "datasource",
    "address",
    "addr",
    "networkaddress",
    "database",
    "initialcatalog",
    "userid",
    "uid",
    "username",
    "trustedconnection",
    "persistsecurityinfo",
];

/// Whether the value of a parameter may be shown.
pub(super) fn is_public(name: &str) -> bool {
    PUBLIC.contains(&plain(name).as_str())
}

fn plain(name: &str) -> String {
    name.replace(['-', '_', ' '], "").to_ascii_lowercase()
}

impl ConnectionUrl {
    /// Whether it is the URL of a Redis that can be looked at.
    ///
    /// # Errors
    ///
    /// One sentence with cause and remedy, without a secret.
    pub fn check_cache(&self) -> Result<(), String> {
        if self.scheme().contains("sentinel") {
            return Err(format!(
                "Sentinel is not supported yet; name the primary itself, as the URL redis://HOST:PORT/0, in place of \
                 \"{}://\"",
                self.scheme()
            ));
        }
        self.check(&CACHE_SCHEMES, CACHE_EXAMPLE)
    }

    /// Whether the engine can keep entries there.
    ///
    /// # Errors
    ///
    /// One sentence with cause and remedy, without a secret.
    pub fn check_engine(&self) -> Result<(), String> {
        if self.scheme().contains("cluster") {
            return Err(
                "reports cannot be cached in a cluster yet; name a Redis that is not a cluster, as redis://HOST:PORT/0, and look \
                 at a cluster with lookaside keys --redis"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whether it is the URL of a database.
    ///
    /// # Errors
    ///
    /// One sentence with cause and remedy, without a secret.
    pub fn check_source(&self) -> Result<(), String> {
        self.check(&SOURCE_SCHEMES, SOURCE_EXAMPLE)
    }

    fn check(&self, schemes: &[&str], example: &str) -> Result<(), String> {
        if let Some(problem) = self.problem() {
            return Err(problem.to_owned());
        }
        let scheme = self.scheme();
        if !schemes.contains(&scheme.as_str()) {
            let hint = match nearest(&scheme, schemes) {
                Some(near) => format!("did you mean {near}:?"),
                None => format!("write {example}"),
            };
            return Err(format!(
                "the URL \"{self}\" begins with no scheme that is known here; {hint}"
            ));
        }
        if let Some(pairs) = self.ado() {
            return check_ado(&pairs);
        }
        if self
            .sqlite_path()
            .is_some_and(|path| path.as_os_str().is_empty())
        {
            return Err("the URL names no file; write sqlite:FILE".to_owned());
        }
        if scheme == "sqlite" {
            return self.sqlite_parameters().map_or(Ok(()), |query| {
                let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
                check_names(&scheme, query)?;
                if pairs.iter().any(|(_, mode)| mode != "ro") {
                    return Err(
                        "a SQLite file is only read here; write ?mode=ro, or leave it out"
                            .to_owned(),
                    );
                }
                Ok(())
            });
        }
        let parsed = ::url::Url::parse(self.expose()).map_err(|error| {
            format!("the URL \"{self}\" cannot be read: {error}; write {example}, with special characters as %40")
        })?;
        let names_host = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            matches!(name.as_ref(), "host" | "hostaddr" | "socket") && !value.is_empty()
        };
        if !scheme.contains("unix")
            && parsed.host_str().is_none_or(str::is_empty)
            && !parsed.query_pairs().any(names_host)
        {
            return Err(format!("the URL \"{self}\" names no host; write {example}"));
        }
        if parsed.fragment().is_some() {
            return Err(
                "the URL has a \"#\", behind which nothing is read; write it as %23 where it belongs to a name or \
                 password, and leave it out else"
                    .to_owned(),
            );
        }
        // A password with a question mark that is not encoded ends up here, and so would parts of it in a message.
        if parsed.query().is_some_and(|query| query.contains('@')) {
            return Err(
                "the URL has a \"@\" behind its \"?\"; write @ as %40 and ? as %3F where they belong to a name or password"
                    .to_owned(),
            );
        }
        let pairs: Vec<_> = parsed.query_pairs().collect();
        check_names(&scheme, parsed.query().unwrap_or_default())?;
        for (name, value) in &pairs {
            let choice = choices(&scheme, name);
            if !choice.is_empty()
                && !choice
                    .iter()
                    .any(|choice| choice.eq_ignore_ascii_case(value))
            {
                return Err(format!("the URL's {name} is one of {}", choice.join(", ")));
            }
        }
        if CACHE_SCHEMES.contains(&scheme.as_str()) {
            let path = parsed.path().trim_matches('/');
            let named = pairs.iter().find(|(name, _)| name == "db");
            let number = match named {
                Some((_, number)) => number.as_ref(),
                None if scheme.contains("unix") => "",
                None => path,
            };
            if !number.is_empty() && number.parse::<u32>().is_err() {
                return Err(
                    "the URL's database is not a number; write it behind the last slash, as redis://HOST:PORT/0"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

/// Refuses a name that its scheme does not have.
fn check_names(scheme: &str, query: &str) -> Result<(), String> {
    let known = known(scheme);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        // What has no value may be a part of a password, and is not shown.
        let name = if pair.contains('=') {
            url::form_urlencoded::parse(pair.as_bytes())
                .next()
                .map(|(name, _)| name)
        } else {
            None
        };
        let name = name.as_deref().unwrap_or_default();
        let is_known = match scheme {
            "mssql" | "sqlserver" => known.iter().any(|known| plain(known) == plain(name)),
            _ => {
                known.contains(&name) || name.starts_with("options[") && known.contains(&"options")
            }
        };
        if !is_known {
            return Err(unknown(name, known));
        }
    }
    Ok(())
}

fn check_ado(pairs: &[(String, String)]) -> Result<(), String> {
    let parameters = known("mssql");
    for (name, _) in pairs {
        let is_known = ADO.contains(&name.as_str())
            || ADO_WITHOUT_EFFECT.contains(&name.as_str())
            || parameters.iter().any(|known| plain(known) == plain(name));
        if !is_known {
            let all = [&["server", "database", "user id", "password"], parameters].concat();
            return Err(unknown(name, &all));
        }
    }
    Ok(())
}

/// The sentence for a parameter that has no effect. Only a name that looks like one is shown.
fn unknown(name: &str, known: &[&str]) -> String {
    let looks_like_one = (1..=40).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_. []".contains(letter));
    let remedy = match nearest(name, known) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("it takes {}", known.join(", ")),
    };
    if looks_like_one {
        format!("the URL has a parameter \"{name}\" that is not known here; {remedy}")
    } else {
        format!("the URL has a parameter without a name behind its \"?\"; {remedy}")
    }
}
