//! Connection URLs: secrets put in, and masked wherever a URL is shown.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{ado, parameters};
use crate::report::Dialect;

/// A connection URL whose secrets are resolved; shown and logged only with the password masked.
#[derive(Clone)]
pub struct ConnectionUrl {
    secret: SecretString,
    shown: String,
    /// Why it cannot be used, where that was found when it was read.
    problem: Option<String>,
}

impl std::fmt::Debug for ConnectionUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::fmt::Display for ConnectionUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Parameters of SQLite's URLs; of these only `mode=ro` says what a source does.
const SQLITE_OPTIONS: [&str; 4] = ["cache", "immutable", "mode", "vfs"];

impl ConnectionUrl {
    /// A URL whose secrets are already in place.
    pub fn new(url: &str) -> Self {
        Self {
            secret: SecretString::from(url.to_owned()),
            shown: masked(url),
            problem: None,
        }
    }

    /// A URL that cannot be used, for the reason that is given.
    pub(super) fn unusable(why: &str) -> Self {
        Self {
            secret: SecretString::from(""),
            shown: "(unusable)".to_owned(),
            problem: Some(why.to_owned()),
        }
    }

    /// Why it cannot be used, where that was found when it was read.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The URL with its password, only for opening a connection.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// What stands before the colon, in lower case; empty where there is no colon. `mssql` for an ADO connection
    /// string.
    pub fn scheme(&self) -> String {
        if self.is_ado() {
            return "mssql".to_owned();
        }
        self.expose()
            .split_once(':')
            .map(|(scheme, _)| scheme.to_ascii_lowercase())
            .unwrap_or_default()
    }

    /// The SQL dialect of the database it leads to; `None` for what is no database we know.
    pub fn dialect(&self) -> Option<Dialect> {
        match self.scheme().as_str() {
            "sqlite" => Some(Dialect::Sqlite),
            "mysql" | "mariadb" => Some(Dialect::MySql),
            "postgres" | "postgresql" => Some(Dialect::Postgres),
            "mssql" | "sqlserver" => Some(Dialect::MsSql),
            _ => None,
        }
    }

    /// Whether it is an ADO connection string, `Server=...;Database=...`.
    pub fn is_ado(&self) -> bool {
        ado::pairs(self.expose()).is_some()
    }

    /// The names (in lower case, without blanks) and values of an ADO connection string; the server is `server`.
    pub fn ado(&self) -> Option<Vec<(String, String)>> {
        let pairs = ado::pairs(self.expose())?;
        let named = pairs.into_iter().map(|pair| {
            let name = if ado::is_server(&pair.name) {
                "server".to_owned()
            } else {
                pair.name
            };
            (name, pair.value)
        });
        Some(named.collect())
    }

    /// The file of a `sqlite:` URL as written, without decoding: `sqlite:shop.db`, `sqlite:///data/shop.db`. What stands
    /// behind a question mark belongs to the name unless it is an option of SQLite's URLs.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        let rest = self.sqlite_rest()?;
        let path = match self.sqlite_parameters() {
            Some(query) => &rest[..rest.len() - query.len() - 1],
            None => rest,
        };
        Some(PathBuf::from(path))
    }

    /// What stands behind the question mark of a `sqlite:` URL, where it is an option.
    pub(super) fn sqlite_parameters(&self) -> Option<&str> {
        let (_, query) = self.sqlite_rest()?.rsplit_once('?')?;
        let are_options = query.split('&').all(|pair| {
            let name = pair.split_once('=').map(|(name, _)| name);
            name.is_some_and(|name| SQLITE_OPTIONS.contains(&name))
        });
        // A folder may have such a name too.
        (are_options && !query.contains('/')).then_some(query)
    }

    fn sqlite_rest(&self) -> Option<&str> {
        let rest = self.expose().strip_prefix("sqlite:")?;
        Some(rest.strip_prefix("//").unwrap_or(rest))
    }

    /// The same, with a relative SQLite file taken to stand in `folder`.
    #[must_use]
    pub fn under(self, folder: &Path) -> Self {
        match self.sqlite_path() {
            Some(path) if path.is_relative() && !path.as_os_str().is_empty() => {
                let file = folder.join(path);
                Self::new(&format!("sqlite:{}", file.display()))
            }
            _ => self,
        }
    }

    /// The URL without its password, as it may stand in a file; and the password, decoded.
    pub fn split_password(&self) -> (String, Option<SecretString>) {
        let url = self.expose();
        if let Some(pairs) = ado::pairs(url) {
            let password = pairs
                .into_iter()
                .find(|pair| matches!(pair.name.as_str(), "password" | "pwd"));
            return match password {
                Some(pair) => (
                    format!("{}{}", &url[..pair.whole.start], &url[pair.whole.end..]),
                    Some(SecretString::from(pair.value)),
                ),
                None => (url.to_owned(), None),
            };
        }
        match password_range(url) {
            Some((colon, at)) => {
                let password = decode(&url[colon + 1..at]);
                (
                    format!("{}{}", &url[..colon], &url[at..]),
                    Some(SecretString::from(password)),
                )
            }
            None => (url.to_owned(), None),
        }
    }

    /// Whether nothing in it has to be masked, so that it may stand in a file.
    pub(super) fn is_public(&self) -> bool {
        self.shown == self.expose()
    }

    /// The user where the URL has one and no password: then the keyring may know it.
    pub(super) fn wants_password(&self) -> bool {
        let url = self.expose();
        if let Some(pairs) = ado::pairs(url) {
            let has = |names: &[&str]| pairs.iter().any(|pair| names.contains(&pair.name.as_str()));
            return has(&["userid", "uid", "user"]) && !has(&["password", "pwd", "accesstoken"]);
        }
        let Some((_, authority)) = authority(url) else {
            return false;
        };
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| !user.contains(':'))
    }

    /// Returns whether [`ConnectionUrl::with_password`] could put a password in: the URL has none, is the address of a
    /// server, and names the user that it belongs to.
    pub fn may_take_password(&self) -> bool {
        let has_one = self.split_password().1.is_some();
        let is_server = self.is_ado()
            || authority(self.expose())
                .is_some_and(|(_, authority)| self.is_redis() || authority.contains('@'));
        is_server && !has_one && !self.scheme().contains("unix") && self.sqlite_path().is_none()
    }

    /// Whether it is the URL of a Redis or Valkey server.
    fn is_redis(&self) -> bool {
        let scheme = self.scheme();
        ["redis", "valkey"]
            .iter()
            .any(|name| scheme.starts_with(name))
    }

    /// The URL with this password put in.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Self {
        let url = self.expose();
        if self.is_ado() {
            let password = password.replace('"', "\"\"");
            let url = url.trim_end_matches(';');
            return Self::new(&format!("{url};Password=\"{password}\""));
        }
        match authority(url).and_then(|(start, authority)| Some(start + authority.rfind('@')?)) {
            Some(at) => Self::new(&format!(
                "{}:{}{}",
                &url[..at],
                encode(password),
                &url[at..]
            )),
            // Redis has a password without a user.
            None => match authority(url) {
                Some((start, _)) if self.is_redis() => Self::new(&format!(
                    "{}:{}@{}",
                    &url[..start],
                    encode(password),
                    &url[start..]
                )),
                _ => self.clone(),
            },
        }
    }
}

/// Where the part with user, host and port begins, and that part.
fn authority(url: &str) -> Option<(usize, &str)> {
    // A file's name has neither user nor password.
    let start = url.find("://").filter(|_| !url.starts_with("sqlite:"))? + 3;
    let rest = &url[start..];
    Some((
        start,
        &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())],
    ))
}

/// The colon before the password and the at sign after it.
fn password_range(url: &str) -> Option<(usize, usize)> {
    let (start, authority) = authority(url)?;
    let at = authority.rfind('@')?;
    let colon = authority[..at].find(':')?;
    Some((start + colon, start + at))
}

/// The URL with `***` in place of every password, and of every parameter's value that is not known to be public. A
/// password that is not encoded may hold any character, so that everything up to the last at sign goes.
fn masked(url: &str) -> String {
    if let Some(pairs) = ado::pairs(url) {
        let mut shown = url.to_owned();
        for pair in pairs
            .iter()
            .rev()
            .filter(|pair| !parameters::is_public(&pair.name))
        {
            shown.replace_range(pair.at.clone(), "***");
        }
        return shown;
    }
    let mut shown = url.to_owned();
    if url.starts_with("sqlite:") {
        return shown;
    }
    if let Some(start) = url.find("://").map(|at| at + 3)
        && let Some(at) = url.rfind('@').filter(|at| *at >= start)
        && let Some(colon) = url[start..at].find(':')
    {
        shown = format!("{}:***{}", &url[..start + colon], &url[at..]);
    } else if !url.contains("://")
        && let Some(at) = url.rfind('@')
        && let Some(colon) = url[..at].find(':')
    {
        // A mistyped URL is shown in the message about it: what stands between a colon and an at sign may be a password.
        shown = format!("{}:***{}", &url[..colon], &url[at..]);
    }
    let Some(query) = shown.find(['?', ';']) else {
        return shown;
    };
    let (before, query) = shown.split_at(query);
    let mut masked = before.to_owned();
    for part in query.split_inclusive(['?', '&', ';', '#']) {
        let body = part.trim_end_matches(['?', '&', ';', '#']);
        match body.split_once('=') {
            Some((name, value)) if !parameters::is_public(name) && !value.is_empty() => {
                masked.push_str(name);
                masked.push_str("=***");
            }
            None if !body.is_empty() => masked.push_str("***"),
            _ => masked.push_str(body),
        }
        masked.push_str(&part[body.len()..]);
    }
    masked
}

/// Puts the environment's values in place of `${NAME}`. Where one stands in the user or password it is encoded, so
/// that a password may hold any character. The error is a name that is missing, or a `${` that is not closed.
pub(super) fn expand(
    url: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = url;
    while let Some(at) = rest.find("${") {
        expanded.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let end = after
            .find('}')
            .ok_or("\"${\" has no closing \"}\"; write ${NAME}")?;
        let name = &after[..end];
        let value = environment(name).ok_or_else(|| {
            format!("the environment variable {name} is not set; set it, or write the URL without ${{{name}}}")
        })?;
        rest = &after[end + 1..];
        // A whole URL, or a host, stands as it is.
        let in_userinfo = expanded.contains("://")
            && rest
                .split(['/', '?', '#'])
                .next()
                .is_some_and(|a| a.contains('@'));
        expanded.push_str(&if in_userinfo { encode(&value) } else { value });
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Percent-encodes all but letters, digits and `-._~`.
fn encode(text: &str) -> String {
    use std::fmt::Write;

    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%')
            .then(|| text.get(text.len() - after.len()..text.len() - after.len() + 2))
            .flatten();
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_mistyped_url_hides_its_password_too() {
        for url in [
            "mysql:/me:s3cr3t@h/d",
            "me:s3cr3t@h/d",
            "redis//me:s3cr3t@127.0.0.1:7421",
        ] {
            assert!(!super::masked(url).contains("s3cr3t"), "{url}");
        }
    }

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        let cases = [
            (
                "mysql://reader:s3cret@db:3306/shop",
                "mysql://reader:***@db:3306/shop",
            ),
            ("redis://:s3cret@h/0", "redis://:***@h/0"),
            ("mysql://u:s3/cr?e@t#x@h/d", "mysql://u:***@h/d"),
            (
                "redis+unix:///run/r.sock?db=1&password=s3cret&x=1",
                "redis+unix:///run/r.sock?db=1&password=***&x=***",
            ),
            (
                "mssql://h;user=sa;Pwd=s3cret;x=1",
                "mssql://h;user=sa;Pwd=***;x=***",
            ),
            (
                "postgres://u@h/d?sslpassword=s3cret",
                "postgres://u@h/d?sslpassword=***",
            ),
            ("sqlite:/data/a:b@c.db", "sqlite:/data/a:b@c.db"),
            ("redis://h/0?s3cret", "redis://h/0?***"),
            ("postgres://h/d?canary=s3cret", "postgres://h/d?canary=***"),
            (
                "Password=s3;Server=h;User Id=sa;",
                "Password=***;Server=h;User Id=sa;",
            ),
            (
                "Server=h,1;Pwd=\"a;b\";Database=d",
                "Server=h,1;Pwd=***;Database=d",
            ),
            ("embedded", "embedded"),
            ("", ""),
        ];
        for (url, want) in cases {
            let url = ConnectionUrl::new(url);
            assert_eq!(format!("{url}"), want);
            assert_eq!(format!("{url:?}"), want);
        }
    }

    #[test]
    fn a_password_goes_in_and_comes_out_the_same() {
        let url = ConnectionUrl::new("mysql://reader@db/shop");
        assert!(url.wants_password());
        let whole = url.with_password("p@s:s/w%d é");
        assert!(!whole.wants_password());
        let (without, password) = whole.split_password();
        assert_eq!(without, "mysql://reader@db/shop");
        assert_eq!(password.unwrap().expose_secret(), "p@s:s/w%d é");
        for url in [
            "mysql://db/shop",
            "sqlite:/a@b",
            "redis://:x@h",
            "mysql://u:p@h",
        ] {
            assert!(!ConnectionUrl::new(url).wants_password(), "{url}");
        }
    }

    #[test]
    fn the_environment_is_put_in() {
        let environment = |name: &str| match name {
            "PASSWORD" => Some("p@ss/1".to_owned()),
            "URL" => Some("mysql://u:p@h/d".to_owned()),
            _ => None,
        };
        let expand = |url| expand(url, &environment);
        assert_eq!(
            expand("mysql://u:${PASSWORD}@h/d").unwrap(),
            "mysql://u:p%40ss%2F1@h/d"
        );
        assert_eq!(expand("${URL}").unwrap(), "mysql://u:p@h/d");
        assert!(expand("${NONE}").unwrap_err().contains("NONE is not set"));
        assert!(expand("${NONE").unwrap_err().contains("no closing"));
    }

    #[test]
    fn sqlite_files() {
        let path = |url: &str| ConnectionUrl::new(url).under(Path::new("/w")).sqlite_path();
        assert_eq!(path("sqlite:shop.db"), Some("/w/shop.db".into()));
        assert_eq!(path("sqlite://shop.db?mode=ro"), Some("/w/shop.db".into()));
        assert_eq!(
            path("sqlite:///data/a%20b.db"),
            Some("/data/a%20b.db".into())
        );
        for name in ["what?.db", "a#b.db", "50%.db", "a?b=c.db", "?mode=x?.db"] {
            let wanted = Some(Path::new("/w").join(name));
            assert_eq!(path(&format!("sqlite:{name}")), wanted);
        }
        assert_eq!(path("sqlite:/a?mode=x/d.db"), Some("/a?mode=x/d.db".into()));
        assert_eq!(path("mysql://h/d"), None);
    }
}
