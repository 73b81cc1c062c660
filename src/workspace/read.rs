//! What a workspace file says; every mistake is one message with its line, its column and what would be right.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use toml_edit::{Document, Item, Value as TomlValue};

use super::cursor::{Cursor, File, nearest};
use super::{
    CacheConfig, ConnectionUrl, Publication, SourceConfig, Workspace, WorkspaceError, sql_file, url,
};
use crate::report::{Dialect, ParamSpec, ParamType, Refresh, Report, ServeOnError, Value};

/// Gives the value of an environment variable.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

const CACHE_SCHEMES: [&str; 7] = [
    "redis",
    "rediss",
    "redis+unix",
    "unix",
    "redis-cluster",
    "redis-sentinel",
    "valkey",
];
const SOURCE_SCHEMES: [&str; 7] = [
    "sqlite",
    "mysql",
    "mariadb",
    "postgres",
    "postgresql",
    "mssql",
    "sqlserver",
];

/// Reads a file's text. `complete` puts passwords from the keyring into URLs.
pub(super) fn workspace(
    text: &str,
    path: &Path,
    environment: Environment<'_>,
    complete: &dyn Fn(ConnectionUrl) -> ConnectionUrl,
) -> Result<Workspace, WorkspaceError> {
    let file = File {
        name: path.display().to_string(),
        text,
    };
    let document = Document::parse(text).map_err(|error| {
        let message = error.message().trim().replace('\n', "; ");
        file.wrong(error.span(), format!("this is not TOML: {message}"))
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let root = Cursor {
        file: &file,
        name: "the file".to_owned(),
        table: document.as_table(),
        span: None,
    };
    root.only(&["cache", "sources", "reports"])?;

    let cache = match root.table("cache", "[cache]".to_owned())? {
        Some(cursor) => cache(&cursor, environment, complete)?,
        None => {
            return Err(file.wrong(
                None,
                "there is no [cache]; add [cache] with url = \"redis://127.0.0.1:6379/0\"",
            ));
        }
    };
    let mut sources = BTreeMap::new();
    if let Some(cursor) = root.table("sources", "[sources]".to_owned())? {
        for (name, _) in cursor.table.iter() {
            if let Some(cursor) = cursor.table(name, format!("[sources.{name}]"))? {
                sources.insert(
                    name.to_owned(),
                    source(name, &cursor, folder, environment, complete)?,
                );
            }
        }
    }
    let mut reports: Vec<Report> = Vec::new();
    for mut cursor in root.tables("reports")? {
        let report = report(&mut cursor, folder, &sources)?;
        if reports.iter().any(|other| other.name == report.name) {
            return Err(cursor.wrong(
                "name",
                format!("there are two reports \"{}\"; rename one", report.name),
            ));
        }
        reports.push(report);
    }
    let name = folder.file_name().map_or_else(
        || "workspace".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    Ok(Workspace {
        name,
        path: Some(path.to_owned()),
        cache,
        sources,
        reports,
    })
}

/// Checks a cache URL; the error is one sentence without the secret.
pub(super) fn cache_url(text: &str, environment: Environment<'_>) -> Result<ConnectionUrl, String> {
    let url = ConnectionUrl::new(&url::expand(text, environment)?);
    if url.expose() != CacheConfig::EMBEDDED {
        check_url(
            &url,
            &CACHE_SCHEMES,
            "\"redis://127.0.0.1:6379/0\", rediss://, redis+unix:// or \"embedded\"",
        )?;
    }
    Ok(url)
}

fn check_url(url: &ConnectionUrl, schemes: &[&str], example: &str) -> Result<(), String> {
    let scheme = url.scheme();
    if !schemes.contains(&scheme.as_str()) {
        let hint = match nearest(&scheme, schemes) {
            Some(near) => format!("did you mean {near}:?"),
            None => format!("write {example}"),
        };
        return Err(format!(
            "the URL \"{url}\" begins with no scheme that is known here; {hint}"
        ));
    }
    if url
        .sqlite_path()
        .is_some_and(|path| path.as_os_str().is_empty())
    {
        return Err("the URL names no file; write sqlite:FILE".to_owned());
    }
    if scheme == "sqlite" || url.is_ado() {
        return Ok(());
    }
    let parsed = ::url::Url::parse(url.expose()).map_err(|error| {
        format!("the URL \"{url}\" cannot be read: {error}; write {example}, with special characters as %40")
    })?;
    if !scheme.contains("unix") && parsed.host_str().is_none_or(str::is_empty) {
        return Err(format!("the URL \"{url}\" names no host; write {example}"));
    }
    Ok(())
}

fn cache(
    cursor: &Cursor<'_>,
    environment: Environment<'_>,
    complete: &dyn Fn(ConnectionUrl) -> ConnectionUrl,
) -> Result<CacheConfig, WorkspaceError> {
    cursor.only(&["url", "prefix", "memory"])?;
    let url = cache_url(cursor.needed_text("url")?, environment)
        .map_err(|why| cursor.wrong("url", why))?;
    let prefix = match cursor.text("prefix")? {
        None => CacheConfig::PREFIX.to_owned(),
        Some(prefix) if prefix.is_empty() || prefix.contains(['{', '}', '*', '?', '[']) => {
            return Err(cursor.wrong(
                "prefix",
                "prefix is empty or holds one of {}*?[; write letters such as \"lookaside\"",
            ));
        }
        Some(prefix) => prefix.to_owned(),
    };
    Ok(CacheConfig {
        url: complete(url),
        prefix,
        memory: cursor.size("memory")?.unwrap_or(CacheConfig::MEMORY),
    })
}

fn source(
    name: &str,
    cursor: &Cursor<'_>,
    folder: &Path,
    environment: Environment<'_>,
    complete: &dyn Fn(ConnectionUrl) -> ConnectionUrl,
) -> Result<SourceConfig, WorkspaceError> {
    cursor.only(&[
        "url",
        "max_concurrent_queries",
        "query_timeout",
        "watermark",
        "poll_interval",
        "triggers",
        "forget_after",
        "max_refresh_load",
        "publication",
    ])?;
    let wrong = |why: String| cursor.wrong("url", why);
    let url =
        ConnectionUrl::new(&url::expand(cursor.needed_text("url")?, environment).map_err(wrong)?);
    check_url(
        &url,
        &SOURCE_SCHEMES,
        "sqlite:FILE, mysql://USER@HOST/DATABASE, postgres://... or mssql://...",
    )
    .map_err(wrong)?;
    let url = complete(url.under(folder));
    let mut source = SourceConfig::new(name, url.expose());
    if let Some(count) = cursor.count("max_concurrent_queries")? {
        source.max_concurrent_queries = count;
    }
    if let Some(time) = cursor.some_time("query_timeout")? {
        source.query_timeout = time;
    }
    if let Some(time) = cursor.some_time("poll_interval")? {
        source.poll_interval = time;
    }
    if let Some(time) = cursor.some_time("forget_after")? {
        if time > SourceConfig::REMEMBERED {
            return Err(cursor.wrong(
                "forget_after",
                "requests are remembered for two days; write \"48h\" at most",
            ));
        }
        source.forget_after = time;
    }
    if let Some(share) = cursor.share("max_refresh_load")? {
        source.max_refresh_load = share;
    }
    source.watermark = cursor.text("watermark")?.map(ToOwned::to_owned);
    source.triggers = cursor.truth("triggers")?.unwrap_or(false);
    if source.triggers && source.url.scheme() != "sqlite" {
        return Err(cursor.wrong(
            "triggers",
            "triggers are for SQLite alone; remove this line",
        ));
    }
    source.publication = publication(cursor)?;
    if source.publication != Publication::Found && source.url.dialect() != Some(Dialect::Postgres) {
        return Err(cursor.wrong(
            "publication",
            "publications are for PostgreSQL alone; remove this line",
        ));
    }
    Ok(source)
}

/// `publication = true` for one of our own, or the name of one that is there.
fn publication(cursor: &Cursor<'_>) -> Result<Publication, WorkspaceError> {
    if cursor.get("publication").and_then(Item::as_str).is_some() {
        let name = cursor.needed_text("publication")?;
        return Ok(Publication::Named(name.to_owned()));
    }
    Ok(match cursor.truth("publication")? {
        Some(true) => Publication::Ours,
        _ => Publication::Found,
    })
}

fn report(
    cursor: &mut Cursor<'_>,
    folder: &Path,
    sources: &BTreeMap<String, SourceConfig>,
) -> Result<Report, WorkspaceError> {
    let name = cursor.needed_text("name")?.to_owned();
    cursor.name = format!("the report \"{name}\"");
    cursor.only(&[
        "name",
        "source",
        "sql",
        "sql_file",
        "params",
        "ttl",
        "stale_for",
        "serve_on_error",
        "refresh",
        "tables",
        "timeout",
        "trusted_sql",
    ])?;
    let source = cursor.needed_text("source")?.to_owned();
    if !sources.contains_key(&source) {
        let names: Vec<_> = sources.keys().map(String::as_str).collect();
        let hint = match nearest(&source, &names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("add [sources.{source}]"),
        };
        return Err(cursor.wrong(
            "source",
            format!(
                "{} names the source \"{source}\", which is not there; {hint}",
                cursor.name
            ),
        ));
    }
    let sql = sql(cursor, folder)?;
    let params = params(cursor)?;
    Ok(Report {
        name,
        source,
        sql,
        params,
        ttl: cursor.some_time("ttl")?.unwrap_or(Report::TTL),
        stale_for: cursor.duration("stale_for")?.unwrap_or(Report::STALE_FOR),
        serve_on_error: serve_on_error(cursor)?,
        refresh: refresh(cursor)?,
        tables: cursor.texts("tables")?,
        timeout: cursor.some_time("timeout")?,
        trusted_sql: cursor.truth("trusted_sql")?.unwrap_or(false),
    })
}

impl Report {
    /// `ttl` where the file names none: one hour.
    pub const TTL: Duration = Duration::from_hours(1);
    /// `stale_for` where the file names none: one day.
    pub const STALE_FOR: Duration = Duration::from_hours(24);
}

fn sql(cursor: &Cursor<'_>, folder: &Path) -> Result<String, WorkspaceError> {
    match (cursor.get("sql"), cursor.text("sql_file")?) {
        (Some(_), None) => cursor
            .needed_text("sql")
            .map(|text| sql_file::without_mark(text).to_owned()),
        (None, Some(file)) => {
            sql_file::read(&folder.join(file)).map_err(|why| cursor.wrong("sql_file", why))
        }
        (Some(_), Some(_)) => Err(cursor.wrong(
            "sql_file",
            format!("{} has sql and sql_file; keep one", cursor.name),
        )),
        (None, None) => Err(cursor.file.wrong(
            cursor.span.clone(),
            format!(
                "{} has no sql; add sql = \"SELECT ...\" or sql_file = \"FILE.sql\"",
                cursor.name
            ),
        )),
    }
}

fn refresh(cursor: &Cursor<'_>) -> Result<Refresh, WorkspaceError> {
    let Some(text) = cursor.text("refresh")? else {
        return Ok(Refresh::default());
    };
    Refresh::read(text).map_err(|why| cursor.wrong("refresh", why))
}

fn serve_on_error(cursor: &Cursor<'_>) -> Result<ServeOnError, WorkspaceError> {
    let Some(text) = cursor.text("serve_on_error")? else {
        return Ok(ServeOnError::default());
    };
    ServeOnError::read(text).map_err(|why| cursor.wrong("serve_on_error", why))
}

/// The declared parameters of a report's table; `None` where they cannot be read.
pub(super) fn params_of(report: &toml_edit::Table) -> Option<Vec<ParamSpec>> {
    let file = File {
        name: String::new(),
        text: "",
    };
    params(&Cursor {
        file: &file,
        name: String::new(),
        table: report,
        span: None,
    })
    .ok()
}

fn params(report: &Cursor<'_>) -> Result<Vec<ParamSpec>, WorkspaceError> {
    let Some(params) = report.table("params", "params".to_owned())? else {
        return Ok(Vec::new());
    };
    let mut specs = Vec::new();
    for (name, _) in params.table.iter() {
        let mut letters = name.chars();
        let good = letters
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_alphanumeric() || letter == '_');
        if !good {
            let span = params.table.key(name).and_then(toml_edit::Key::span);
            return Err(params.file.wrong(
                span,
                format!(
                    "\"{name}\" cannot be a parameter's name; use letters, digits and underscores"
                ),
            ));
        }
        let Some(cursor) = params.table(name, format!("the parameter \"{name}\""))? else {
            continue;
        };
        cursor.only(&["type", "default"])?;
        let text = cursor.needed_text("type")?;
        let (kind, list) = ParamSpec::parse_type(text).ok_or_else(|| {
            let names: Vec<_> = ParamType::ALL.into_iter().map(ParamType::name).collect();
            let hint = nearest(text, &names)
                .map_or(String::new(), |near| format!("did you mean \"{near}\"? "));
            cursor.wrong(
                "type",
                format!(
                    "there is no type \"{text}\"; {hint}types are {}, and \"list of\" each",
                    names.join(", ")
                ),
            )
        })?;
        let mut spec = ParamSpec {
            name: name.to_owned(),
            kind,
            list,
            default: None,
        };
        if let Some(item) = cursor.get("default") {
            spec.default = Some(default(&cursor, &spec, item)?);
        }
        specs.push(spec);
    }
    Ok(specs)
}

fn default(cursor: &Cursor<'_>, spec: &ParamSpec, item: &Item) -> Result<Value, WorkspaceError> {
    let one = ParamSpec {
        list: false,
        ..spec.clone()
    };
    let read = |value: &TomlValue| {
        let text = match value {
            TomlValue::String(text) => text.value().clone(),
            // The file's own digits, so that a decimal stays exact; TOML takes underscores between them.
            TomlValue::Integer(_) | TomlValue::Float(_) => cursor.raw(value).replace('_', ""),
            TomlValue::Boolean(_) | TomlValue::Datetime(_) => cursor.raw(value),
            TomlValue::Array(_) | TomlValue::InlineTable(_) => {
                return Err(cursor.wrong("default", format!("write one {} here", spec.kind.name())));
            }
        };
        one.read(&text)
            .map_err(|error| cursor.file.wrong(value.span(), error))
    };
    match item {
        Item::Value(TomlValue::Array(values)) if spec.list => values
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Value::List),
        Item::Value(_) if spec.list => Err(cursor.wrong(
            "default",
            "a list's default stands in brackets: default = [1, 2]",
        )),
        Item::Value(value) => read(value),
        _ => Err(cursor.wrong("default", format!("write one {} here", spec.kind.name()))),
    }
}
