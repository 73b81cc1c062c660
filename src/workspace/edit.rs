//! Changes to a workspace file that keep its comments and its order, saved whole or not at all.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, value};

use super::{
    Broken, CacheConfig, ConnectionUrl, Part, Publication, SourceConfig, Workspace, WorkspaceError,
    read, sql_file, store_password,
};
use crate::report::{ParamSpec, Refresh, Report, ServeOnError, Value, read_time, write_time};
use crate::table::{WriteError, write_whole};

/// A workspace file open for changes; nothing is written before [`WorkspaceFile::save`].
#[derive(Debug)]
pub struct WorkspaceFile {
    path: PathBuf,
    document: DocumentMut,
    /// Files named by `sql_file`, with their new text.
    sql_files: Vec<(PathBuf, String)>,
    /// What was put in.
    put: Vec<Part>,
}

impl WorkspaceFile {
    /// Opens a file; one that is not there is begun anew.
    pub fn open(path: &Path) -> Result<Self, WorkspaceError> {
        let fail = |why: &dyn std::fmt::Display| WorkspaceError {
            message: format!("{}: {why}", path.display()),
        };
        // The file behind a link is replaced, not the link.
        let path = match path.canonicalize() {
            Ok(path) => path,
            Err(_) => std::path::absolute(path).map_err(|error| fail(&error))?,
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(fail(&error)),
        };
        let document = text
            .parse::<DocumentMut>()
            .map_err(|error| fail(&error.message()))?;
        Ok(Self {
            path,
            document,
            sql_files: Vec::new(),
            put: Vec::new(),
        })
    }

    /// Sets the cache's URL. A password in it goes to the keyring, never into the file.
    pub fn set_cache_url(&mut self, url: &str) -> Result<(), WorkspaceError> {
        let url = hide_password(url)?;
        set(
            table(self.document.as_table_mut(), "cache")?,
            "url",
            Some(value(url)),
        );
        self.put.push(Part::Cache);
        Ok(())
    }

    /// Adds a source, or changes the URL of the one with this name. A password in it goes to the keyring.
    pub fn set_source(&mut self, name: &str, url: &str) -> Result<(), WorkspaceError> {
        let url = hide_password(url)?;
        let sources = table(self.document.as_table_mut(), "sources")?;
        sources.set_implicit(true);
        set(table(sources, name)?, "url", Some(value(url)));
        self.put.push(Part::Source(name.to_owned()));
        Ok(())
    }

    /// Removes a source; `false` where it is not there.
    pub fn remove_source(&mut self, name: &str) -> bool {
        let sources = self
            .document
            .get_mut("sources")
            .and_then(Item::as_table_like_mut);
        sources.is_some_and(|sources| sources.remove(name).is_some())
    }

    /// Writes a report in place of the one called `instead_of`, else of the one with its own name, else at the end.
    pub fn put_report(
        &mut self,
        report: &Report,
        instead_of: Option<&str>,
    ) -> Result<(), WorkspaceError> {
        self.put.push(Part::Report(report.name.clone()));
        let folder = self.path.parent().unwrap_or(Path::new(".")).to_owned();
        let reports = self
            .document
            .entry("reports")
            .or_insert(Item::ArrayOfTables(toml_edit::ArrayOfTables::new()));
        let Some(reports) = reports.as_array_of_tables_mut() else {
            return Err(WorkspaceError {
                message: "reports is written as reports = [...]; write [[reports]] before each, to edit them here".to_owned(),
            });
        };
        let wanted = instead_of.unwrap_or(&report.name);
        let found = reports
            .iter()
            .position(|table| name_of(table) == Some(wanted));
        let table = if let Some(at) = found {
            reports.get_mut(at)
        } else {
            reports.push(Table::new());
            reports.iter_mut().last()
        };
        if let Some(table) = table {
            write_report(table, report, &folder, &mut self.sql_files);
        }
        Ok(())
    }

    /// Removes a report; `false` where it is not there.
    pub fn remove_report(&mut self, name: &str) -> bool {
        let reports = self
            .document
            .get_mut("reports")
            .and_then(Item::as_array_of_tables_mut);
        let Some(reports) = reports else { return false };
        let before = reports.len();
        reports.retain(|table| name_of(table) != Some(name));
        reports.len() < before
    }

    /// The file's text as it would be saved.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Whether the edit breaks nothing, and the reports that were put in can run. What was broken before, and every other
    /// report's SQL, stays as it is.
    fn check(&self, workspace: &Workspace, known: &[Broken]) -> Result<(), WorkspaceError> {
        let is_new = |broken: &&Broken| {
            !known.iter().any(|known| known.part == broken.part) || self.put.contains(&broken.part)
        };
        if let Some(broken) = workspace.broken.iter().find(is_new) {
            return Err(WorkspaceError {
                message: broken.message.clone(),
            });
        }
        let put = workspace
            .reports
            .iter()
            .filter(|report| self.put.contains(&Part::Report(report.name.clone())));
        for report in put {
            let source = workspace.sources.get(&report.source);
            if let Some(dialect) = source.and_then(|source| source.url.dialect()) {
                report.check(dialect).map_err(|mistake| WorkspaceError {
                    message: format!("the report \"{}\": {mistake}", report.name),
                })?;
            }
        }
        Ok(())
    }

    /// Checks the whole file as it would be, then replaces the old one by renaming a finished new one.
    pub fn save(self) -> Result<Workspace, WorkspaceError> {
        let text = self.document.to_string();
        let environment = |name: &str| std::env::var(name).ok();
        let reading =
            |text: &str| read::workspace(text, &self.path, &environment, &super::keyring::complete);
        let known = std::fs::read_to_string(&self.path)
            .ok()
            .and_then(|old| reading(&old).ok())
            .map_or_else(Vec::new, |old| old.broken);
        let before: Vec<_> = self
            .sql_files
            .iter()
            .map(|(path, _)| (path, std::fs::read(path)))
            .collect();
        let saved = self
            .sql_files
            .iter()
            .try_for_each(|(path, sql)| replace(path, sql.as_bytes()))
            .and_then(|()| reading(&text))
            .and_then(|workspace| self.check(&workspace, &known))
            .and_then(|()| replace(&self.path, text.as_bytes()));
        if let Err(wrong) = saved {
            for (path, sql) in before {
                if let Ok(sql) = sql {
                    replace(path, &sql)?;
                }
            }
            return Err(wrong);
        }
        Workspace::load(&self.path)
    }
}

impl Workspace {
    /// This workspace as the text of a file, without passwords.
    pub fn to_toml(&self) -> Result<String, WorkspaceError> {
        let mut file = WorkspaceFile {
            path: PathBuf::new(),
            document: DocumentMut::new(),
            sql_files: Vec::new(),
            put: Vec::new(),
        };
        let root = file.document.as_table_mut();
        let cache = table(root, "cache")?;
        cache["url"] = value(public(self.cache.url.split_password().0)?);
        cache["prefix"] = value(self.cache.prefix.as_str());
        if self.cache.memory != CacheConfig::MEMORY {
            cache["memory"] = value(format!("{}B", self.cache.memory));
        }
        for source in self.sources.values() {
            let sources = table(file.document.as_table_mut(), "sources")?;
            sources.set_implicit(true);
            write_source(table(sources, &source.name)?, source)?;
        }
        for report in &self.reports {
            file.put_report(report, None)?;
        }
        Ok(file.text())
    }
}

fn name_of(table: &Table) -> Option<&str> {
    table.get("name").and_then(Item::as_str)
}

/// The table under a key, made where it is missing.
fn table<'t>(parent: &'t mut Table, key: &str) -> Result<&'t mut Table, WorkspaceError> {
    parent
        .entry(key)
        .or_insert(Item::Table(Table::new()))
        .as_table_mut()
        .ok_or_else(|| WorkspaceError {
            message: format!(
                "{key} is not written as a table; write [{key}] above its settings, to edit it here"
            ),
        })
}

/// The URL as it may stand in a file; a password in it that is no `${NAME}` is put into the keyring.
fn hide_password(url: &str) -> Result<String, WorkspaceError> {
    let (without, password) = ConnectionUrl::new(url).split_password();
    if url.contains("${") {
        // The keyring is asked with the values in place, which may be others at another time.
        if password.is_some_and(|password| !password.expose_secret().contains("${")) {
            return Err(WorkspaceError {
                message: "the URL has a password beside a ${NAME}, which would stand in the workspace file; write ${NAME} in \
                          place of the password too"
                    .to_owned(),
            });
        }
        return Ok(url.to_owned());
    }
    let without = public(without)?;
    if let Some(password) = password {
        store_password(&without, &password)?;
    }
    Ok(without)
}

/// Refuses a URL with a secret behind the question mark, where the keyring could not put it back.
fn public(url: String) -> Result<String, WorkspaceError> {
    let parsed = ConnectionUrl::new(&url);
    if parsed.is_public() {
        return Ok(url);
    }
    Err(WorkspaceError {
        message: format!(
            "the URL \"{parsed}\" has a secret that would stand in the workspace file; write ${{NAME}} in its place and \
             set that environment variable"
        ),
    })
}

fn write_source(table: &mut Table, source: &SourceConfig) -> Result<(), WorkspaceError> {
    let plain = SourceConfig::new(&source.name, source.url.expose());
    table["url"] = value(public(source.url.split_password().0)?);
    if source.max_concurrent_queries != plain.max_concurrent_queries {
        table["max_concurrent_queries"] = value(source.max_concurrent_queries as i64);
    }
    if source.query_timeout != plain.query_timeout {
        table["query_timeout"] = value(write_time(source.query_timeout));
    }
    if source.poll_interval != plain.poll_interval {
        table["poll_interval"] = value(write_time(source.poll_interval));
    }
    if let Some(watermark) = &source.watermark {
        table["watermark"] = value(watermark.as_str());
    }
    if source.triggers {
        table["triggers"] = value(true);
    }
    match &source.publication {
        Publication::Found => {}
        Publication::Named(name) => table["publication"] = value(name.as_str()),
        Publication::Ours => table["publication"] = value(true),
    }
    Ok(())
}

/// Sets each key that differs from what the table says, so that what is not changed keeps its form and comments.
fn write_report(
    table: &mut Table,
    report: &Report,
    folder: &Path,
    sql_files: &mut Vec<(PathBuf, String)>,
) {
    set(table, "name", Some(value(report.name.as_str())));
    set(table, "source", Some(value(report.source.as_str())));
    match table.get("sql_file").and_then(Item::as_str) {
        Some(file) => {
            let path = folder.join(file);
            if sql_file::read(&path).is_ok_and(|old| old != report.sql) {
                sql_files.push((path, report.sql.clone()));
            }
        }
        None => set(table, "sql", Some(sql(&report.sql))),
    }
    write_params(table, &report.params);
    for (key, new, usual) in [
        ("ttl", report.ttl, Report::TTL),
        ("stale_for", report.stale_for, Report::STALE_FOR),
    ] {
        if new != usual || table.contains_key(key) {
            set(table, key, Some(value(write_time(new))));
        }
    }
    if report.serve_on_error != ServeOnError::default() || table.contains_key("serve_on_error") {
        set(
            table,
            "serve_on_error",
            Some(value(report.serve_on_error.text())),
        );
    }
    let refresh = match report.refresh {
        // It is the default, and need not be said where it was not.
        Refresh::Ttl if !table.contains_key("refresh") => None,
        refresh => Some(value(refresh.text())),
    };
    set(table, "refresh", refresh);
    set(
        table,
        "tables",
        report
            .tables
            .as_ref()
            .map(|tables| value(tables.iter().collect::<Array>())),
    );
    set(
        table,
        "timeout",
        report.timeout.map(|timeout| value(write_time(timeout))),
    );
    set(
        table,
        "trusted_sql",
        report.trusted_sql.then(|| value(true)),
    );
}

/// Changes the parameters that differ from what the table says, and leaves the others as they are written.
fn write_params(report: &mut Table, specs: &[ParamSpec]) {
    let old = read::params_of(report).unwrap_or_default();
    let Some(table) = report
        .get_mut("params")
        .and_then(Item::as_table_like_mut)
        .filter(|_| !specs.is_empty())
    else {
        let all = (!specs.is_empty()).then(|| value(params(specs)));
        set(report, "params", all);
        return;
    };
    let gone: Vec<String> = table
        .iter()
        .map(|(name, _)| name.to_owned())
        .filter(|name| specs.iter().all(|spec| spec.name != *name))
        .collect();
    for name in gone {
        table.remove(&name);
    }
    for spec in specs.iter().filter(|spec| !old.contains(spec)) {
        match table.get_mut(&spec.name).and_then(Item::as_table_like_mut) {
            Some(one) => {
                set(one, "type", Some(value(spec.type_name())));
                set(one, "default", default(spec).map(Item::Value));
            }
            None => {
                table.insert(&spec.name, value(param(spec)));
            }
        }
    }
}

fn set(table: &mut dyn TableLike, key: &str, item: Option<Item>) {
    match (table.get(key), item) {
        (Some(old), Some(new)) if same(key, old, &new) => {}
        (old, Some(new)) => {
            let decor = old
                .and_then(Item::as_value)
                .map(|value| value.decor().clone());
            let new = match (new, decor) {
                (Item::Value(mut new), Some(decor)) => {
                    *new.decor_mut() = decor;
                    Item::Value(new)
                }
                (new, _) => new,
            };
            match table.get_mut(key) {
                Some(place) => *place = new,
                None => {
                    table.insert(key, new);
                }
            }
        }
        (_, None) => {
            table.remove(key);
        }
    }
}

/// Whether two values mean the same, however they are written.
fn same(key: &str, old: &Item, new: &Item) -> bool {
    match (old.as_str(), new.as_str()) {
        (Some(old), Some(new)) if matches!(key, "ttl" | "stale_for" | "timeout") => {
            read_time(old) == read_time(new)
        }
        (Some(old), Some(new)) if key == "refresh" => Refresh::read(old) == Refresh::read(new),
        (Some(old), Some(new)) => old == new,
        _ => {
            let plain = |item: &Item| item.to_string().split_whitespace().collect::<String>();
            plain(old) == plain(new)
        }
    }
}

/// SQL of several lines stands between three quotes.
fn sql(text: &str) -> Item {
    if text.contains('\n')
        && !text.contains("'''")
        && !text.contains('\r')
        && !text.starts_with('\n')
    {
        let literal = format!("'''\n{text}'''");
        if let Ok(value) = literal.parse::<toml_edit::Value>()
            && value.as_str() == Some(text)
        {
            return Item::Value(value);
        }
    }
    value(text)
}

fn params(specs: &[ParamSpec]) -> InlineTable {
    let mut all = InlineTable::new();
    for spec in specs {
        all.insert(&spec.name, param(spec).into());
    }
    all
}

fn param(spec: &ParamSpec) -> InlineTable {
    let mut one = InlineTable::new();
    one.insert("type", spec.type_name().into());
    if let Some(default) = default(spec) {
        one.insert("default", default);
    }
    one
}

fn default(spec: &ParamSpec) -> Option<toml_edit::Value> {
    let one = |value: &Value| -> toml_edit::Value {
        match value {
            Value::Integer(number) => (*number).into(),
            Value::Boolean(truth) => (*truth).into(),
            value => value.text().into(),
        }
    };
    Some(match spec.default.as_ref()? {
        Value::List(values) => values.iter().map(one).collect::<Array>().into(),
        value => one(value),
    })
}

/// Writes a file whole, or leaves it as it is; its folder is made where it is missing.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), WorkspaceError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|error| WriteError::new(&error, &folder.display().to_string()))
        .and_then(|()| write_whole(path, bytes))
        .map_err(|error| WorkspaceError {
            message: error.message,
        })
}
