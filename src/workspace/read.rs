//! What a workspace file says; every mistake is one message with its line, its column and what would be right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use toml_edit::{Document, Item, Value as TomlValue};

use super::broken::{Broken, Part, needs_source};
use super::connections::{self, Complete};
use super::cursor::{Cursor, File, nearest};
use super::{CacheConfig, SourceConfig, Workspace, WorkspaceError, sql_file};
use crate::report::{ParamSpec, ParamType, Refresh, Report, ServeOnError, Value};

/// Gives the value of an environment variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The sources of a file by name: each as it is, or why it cannot be used.
type Sources = BTreeMap<String, Result<SourceConfig, WorkspaceError>>;

/// Reads a file's text. `complete` puts passwords from the keyring into URLs.
///
/// # Errors
///
/// Where the text is not TOML, or says nothing that a workspace has. Any other mistake costs the part that has it, and
/// is listed in [`Workspace::broken`].
pub(super) fn workspace(
    text: &str,
    path: &Path,
    environment: Environment<'_>,
    complete: Complete<'_>,
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
    let known = ["cache", "sources", "reports"];
    let no_cache = || {
        file.wrong(
            None,
            "there is no [cache]; add [cache] with url = \"redis://127.0.0.1:6379/0\"",
        )
    };
    if known.iter().all(|key| root.get(key).is_none()) {
        return Err(root.only(&known).err().unwrap_or_else(no_cache));
    }

    let mut broken = Vec::new();
    if let Err(error) = root.only(&known) {
        broken.push(Broken::new(Part::File, error));
    }
    let cache = root
        .table("cache", "[cache]".to_owned())
        .and_then(|cursor| cursor.ok_or_else(no_cache))
        .and_then(|cursor| connections::cache(&cursor, environment, complete))
        .unwrap_or_else(|error| {
            let config = CacheConfig::unusable(&error.message);
            broken.push(Broken::new(Part::Cache, error));
            config
        });
    let sources = sources(&root, folder, environment, complete).unwrap_or_else(|error| {
        broken.push(Broken::new(Part::File, error));
        Sources::new()
    });
    for (name, source) in &sources {
        if let Err(error) = source {
            broken.push(Broken::new(Part::Source(name.clone()), error.clone()));
        }
    }
    let reports = reports(&root, folder, &sources, &mut broken);
    let name = folder.file_name().map_or_else(
        || "workspace".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    Ok(Workspace {
        name,
        path: Some(path.to_owned()),
        cache,
        sources: sources
            .into_iter()
            .filter_map(|(name, source)| Some((name, source.ok()?)))
            .collect(),
        reports,
        broken,
    })
}

/// Every source; an error where `sources` is not a table.
fn sources(
    root: &Cursor<'_>,
    folder: &Path,
    environment: Environment<'_>,
    complete: Complete<'_>,
) -> Result<Sources, WorkspaceError> {
    let Some(cursor) = root.table("sources", "[sources]".to_owned())? else {
        return Ok(Sources::new());
    };
    let one = |name: &str| {
        let source = cursor
            .table(name, format!("[sources.{name}]"))
            .transpose()?
            .and_then(|cursor| connections::source(name, &cursor, folder, environment, complete));
        Some((name.to_owned(), source))
    };
    Ok(cursor
        .table
        .iter()
        .filter_map(|(name, _)| one(name))
        .collect())
}

/// The reports that can be used, in the file's order.
fn reports(
    root: &Cursor<'_>,
    folder: &Path,
    sources: &Sources,
    broken: &mut Vec<Broken>,
) -> Vec<Report> {
    let cursors = root.tables("reports").unwrap_or_else(|error| {
        broken.push(Broken::new(Part::File, error));
        Vec::new()
    });
    let text = |cursor: &Cursor<'_>, key: &str| cursor.text(key).ok().flatten().map(str::to_owned);
    // Which of two reports is meant by their name is not known, so that neither is run under it.
    let mut twice = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for cursor in &cursors {
        if let Some(name) = text(cursor, "name")
            && !seen.insert(name.clone())
        {
            let why = format!("there are two reports \"{name}\"; rename one");
            twice.insert(name, cursor.wrong("name", why));
        }
    }
    let mut reports = Vec::new();
    for (index, mut cursor) in cursors.into_iter().enumerate() {
        let name = text(&cursor, "name").filter(|name| !name.trim().is_empty());
        let read = match name.as_ref().and_then(|name| twice.get(name)) {
            Some(error) => Err(error.clone()),
            None => report(&mut cursor, folder, sources),
        };
        match read {
            Ok(report) => reports.push(report),
            Err(error) => {
                let name = name.unwrap_or_else(|| format!("number {}", index + 1));
                broken.push(Broken {
                    source: text(&cursor, "source"),
                    ..Broken::new(Part::Report(name), error)
                });
            }
        }
    }
    reports
}

fn report(
    cursor: &mut Cursor<'_>,
    folder: &Path,
    sources: &Sources,
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
    match sources.get(&source) {
        Some(Ok(_)) => {}
        Some(Err(error)) => {
            let message = needs_source(&cursor.name, &source, &error.message);
            return Err(WorkspaceError { message });
        }
        None => {
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
