//! The `:name` parameters in a report's SQL: found once, outside strings, quoted names, comments and `::` casts.

use std::borrow::Cow;

use super::limits::Size;
use super::{Dialect, ParamError, ParamSpec, Params, Report, Value, lex};

/// A piece of a report's SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// SQL that is sent as it stands.
    Sql(String),
    /// A parameter's name, to be replaced by the database's placeholder.
    Param(String),
}

/// SQL split at its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Piece>);

/// SQL that cannot be split, for example an unterminated string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Cause and remedy.
    pub message: String,
    /// Byte offset into the SQL.
    pub at: usize,
}

/// SQL with the database's placeholders in place of `:name`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// What is sent.
    pub sql: String,
    /// The values to bind, in the order of the placeholders.
    pub values: Vec<Value>,
    /// Where pieces begin: byte offset in `sql`, byte offset in the report's SQL, and whether it is a parameter.
    starts: Vec<(usize, usize, bool)>,
}

/// What is wrong with one report by itself. Its workspace is as good as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    /// Cause and remedy.
    pub message: String,
    /// Line and column in its SQL, from 1, where the mistake has a place.
    pub position: Option<(usize, usize)>,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column} of the SQL: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Report {
    /// Whether its SQL can be split at its parameters, and these are the declared ones.
    pub fn check(&self, dialect: Dialect) -> Result<(), Mistake> {
        let template = Template::parse(&self.sql, dialect).map_err(|error| Mistake {
            position: Some(line_column(&self.sql, error.at)),
            message: error.message,
        })?;
        template.check(&self.params).map_err(|error| Mistake {
            message: error.0,
            position: None,
        })
    }
}

impl Template {
    /// Splits `sql` at its `:name` parameters, and leaves out the `GO` around a batch of SQL Server.
    ///
    /// # Errors
    /// Placeholders of the database itself (`?`, `$1`, `@name` in SQLite), to which nothing would be bound; text that
    /// servers may split in another way; SQL beyond the limits of size and depth; two batches.
    pub fn parse(sql: &str, dialect: Dialect) -> Result<Self, TemplateError> {
        let sent_sql = without_go(sql, dialect)?;
        let mut pieces = Vec::new();
        let mut sent = 0;
        let mut size = Size::of(sql)?;
        for token in lex::tokens(&sent_sql, dialect) {
            let token = token?;
            size.add(&sent_sql, token)?;
            match token {
                lex::Token {
                    kind: lex::Kind::Param,
                    at,
                    end,
                } => {
                    if at > sent {
                        pieces.push(Piece::Sql(sent_sql[sent..at].to_owned()));
                    }
                    pieces.push(Piece::Param(sent_sql[at + 1..end].to_owned()));
                    sent = end;
                }
                lex::Token {
                    kind: lex::Kind::Placeholder,
                    at,
                    end,
                } => {
                    return Err(TemplateError {
                        message: format!(
                            "write the parameter \"{}\" as :name, and declare it in params",
                            &sql[at..end]
                        ),
                        at,
                    });
                }
                _ => {}
            }
        }
        if sent < sent_sql.len() {
            pieces.push(Piece::Sql(sent_sql[sent..].to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Names of the parameters in order of first use.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for piece in &self.0 {
            if let Piece::Param(name) = piece
                && !names.contains(&name.as_str())
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// Compares the parameters in the SQL with the declared ones; refuses one that is missing on either side.
    pub fn check(&self, declared: &[ParamSpec]) -> Result<(), ParamError> {
        let names = self.names();
        if let Some(name) = names
            .iter()
            .find(|name| declared.iter().all(|spec| spec.name != **name))
        {
            return Err(ParamError(format!(
                "the SQL uses :{name}, which params does not declare; add {name} = {{ type = \"text\" }} to params"
            )));
        }
        match declared
            .iter()
            .find(|spec| !names.contains(&spec.name.as_str()))
        {
            Some(spec) => Err(ParamError(format!(
                "params declares \"{}\", which the SQL does not use; write :{} into the SQL, or remove it from params",
                spec.name, spec.name
            ))),
            None => Ok(()),
        }
    }

    /// Puts placeholders in place of the parameters, each value with its own. A list becomes several placeholders
    /// with commas, or `empty_list` (a subselect of no rows, for `IN (...)`) where it has no values.
    ///
    /// `placeholder` gives the text for a value and its number, from 1: `$1`, or `?`.
    pub fn render(
        &self,
        params: &Params,
        empty_list: &str,
        placeholder: impl Fn(usize, &Value) -> String,
    ) -> Result<Rendered, ParamError> {
        let mut rendered = Rendered {
            sql: String::new(),
            values: Vec::new(),
            starts: Vec::new(),
        };
        let mut original = 0;
        for piece in &self.0 {
            match piece {
                Piece::Sql(sql) => {
                    rendered.starts.push((rendered.sql.len(), original, false));
                    rendered.sql.push_str(sql);
                    original += sql.len();
                }
                Piece::Param(name) => {
                    rendered.starts.push((rendered.sql.len(), original, true));
                    let value = params.get(name).ok_or_else(|| {
                        ParamError(format!(
                            "the SQL uses :{name}, which has no value; declare it in params"
                        ))
                    })?;
                    match value {
                        Value::List(values) if values.is_empty() => {
                            rendered.sql.push_str(empty_list);
                        }
                        Value::List(values) => {
                            for (i, value) in values.iter().enumerate() {
                                if i > 0 {
                                    rendered.sql.push_str(", ");
                                }
                                rendered.push(value, &placeholder);
                            }
                        }
                        value => rendered.push(value, &placeholder),
                    }
                    original += 1 + name.len();
                }
            }
        }
        Ok(rendered)
    }
}

impl Rendered {
    fn push(&mut self, value: &Value, placeholder: &impl Fn(usize, &Value) -> String) {
        self.values.push(value.clone());
        self.sql.push_str(&placeholder(self.values.len(), value));
    }

    /// The byte offset in the report's SQL that a byte offset in [`Rendered::sql`] comes from.
    pub fn original(&self, at: usize) -> usize {
        let after = self.starts.partition_point(|(start, _, _)| *start <= at);
        match after.checked_sub(1).map(|i| self.starts[i]) {
            Some((_, original, true)) => original,
            Some((start, original, false)) => original + (at - start),
            None => at,
        }
    }
}

/// The SQL with white space in place of each `GO`, so that every other character keeps its place.
fn without_go(sql: &str, dialect: Dialect) -> Result<Cow<'_, str>, TemplateError> {
    let mut text = Cow::Borrowed(sql);
    if dialect != Dialect::MsSql {
        return Ok(text);
    }
    let (mut has_batch, mut ended) = (false, false);
    for token in lex::tokens(sql, dialect) {
        let token = token?;
        match token.kind {
            lex::Kind::Comment => {}
            lex::Kind::Go => {
                ended = has_batch;
                let blank = " ".repeat(token.end - token.at);
                text.to_mut().replace_range(token.at..token.end, &blank);
            }
            _ if ended => {
                return Err(TemplateError {
                    message: "GO divides the SQL into two batches, and a report is one; keep the one with the SELECT"
                        .to_owned(),
                    at: token.at,
                });
            }
            _ => has_batch = true,
        }
    }
    Ok(text)
}

/// Line and column, from 1, of a byte offset into `sql`; columns count characters.
pub fn line_column(sql: &str, at: usize) -> (usize, usize) {
    let before = &sql.as_bytes()[..at.min(sql.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    (
        line,
        String::from_utf8_lossy(&before[start..]).chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::ParamType;
    use super::*;

    const ALL: [Dialect; 4] = [
        Dialect::Sqlite,
        Dialect::MySql,
        Dialect::Postgres,
        Dialect::MsSql,
    ];

    fn names(sql: &str, dialect: Dialect) -> Vec<String> {
        let template = Template::parse(sql, dialect).unwrap();
        let whole: String = template
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Sql(sql) => sql.clone(),
                Piece::Param(name) => format!(":{name}"),
            })
            .collect();
        assert_eq!(whole, sql);
        template
            .names()
            .into_iter()
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn parameters_are_found_outside_strings_names_and_comments() {
        for dialect in ALL {
            let sql = "SELECT ':a', 'it''s :a', \"x:a\", :b -- :a\n, /* :a */ :c_1 FROM t WHERE x=:b AND y IN (:d)";
            assert_eq!(names(sql, dialect), ["b", "c_1", "d"], "{dialect:?}");
        }
        use Dialect::{MsSql, MySql, Postgres, Sqlite};
        let cases: [(Dialect, &str, &[&str]); 20] = [
            (Postgres, "SELECT a::int, :b::date, '1'::text", &["b"]),
            (Postgres, "SELECT $$ :a $$, $x$ :a $$ :a $x$, :b", &["b"]),
            (
                Postgres,
                r"SELECT E'\' :a', e'\\', :b, '\', :c",
                &["b", "c"],
            ),
            (Postgres, r"SELECT note'\', :c", &["c"]),
            (Postgres, "SELECT /* /* :a */ :a */ :b", &["b"]),
            (
                Postgres,
                "SELECT a[1:2], a[1:n], a[i:j], a[:b], a[:lo : :hi], ARRAY[:c, :d]",
                &["b", "lo", "hi", "c", "d"],
            ),
            (Postgres, "SELECT x AS \"a\"\":a\", :b", &["b"]),
            (Postgres, "SELECT f(a := 1, b => :b)", &["b"]),
            (Postgres, "SELECT a$1b FROM t WHERE :b", &["b"]),
            (MySql, "SELECT @x := :b, @y, @@sql_mode", &["b"]),
            (MySql, r#"SELECT '\' :a', "\" :a", `:a``:a`, :b"#, &["b"]),
            (MySql, "SELECT 1 # :a\n, :b --:c", &["b", "c"]),
            (MySql, "SELECT 1 -- :a\n, /* /* */ :b", &["b"]),
            (Sqlite, "SELECT [:a], `:a`, '\\', :b", &["b"]),
            (Sqlite, "SELECT a -- \\' :a\n WHERE '12:30' = :b", &["b"]),
            (Sqlite, "SELECT json ->> '$.a:b', x'00', :b", &["b"]),
            (MsSql, "SELECT [a]]:a], N':a', @v, :b", &["b"]),
            (Sqlite, "SELECT 'é:a', :é1, :b FROM ü", &["é1", "b"]),
            (Sqlite, "", &[]),
            (Sqlite, "SELECT 1 : 2, x:", &[]),
        ];
        for (dialect, sql, want) in cases {
            assert_eq!(names(sql, dialect), want, "{dialect:?} {sql}");
        }
    }

    #[test]
    fn what_cannot_be_split_says_where_and_why() {
        use Dialect::{MySql, Postgres, Sqlite};
        let cases = [
            (Sqlite, "SELECT 'abc", 7, "string"),
            (Sqlite, "SELECT \"abc", 7, "quoted name"),
            (Sqlite, "SELECT /* abc", 7, "comment"),
            (Postgres, "SELECT $$abc", 7, "string"),
            (Sqlite, "SELECT ?", 7, "as :name"),
            (Sqlite, "SELECT ?1", 7, "\"?1\" as :name"),
            (Sqlite, "SELECT @a", 7, "\"@a\" as :name"),
            (Sqlite, "SELECT $a", 7, "as :name"),
            (Postgres, "SELECT $1", 7, "\"$1\" as :name"),
            (MySql, "SELECT ?", 7, "as :name"),
        ];
        for (dialect, sql, at, want) in cases {
            let error = Template::parse(sql, dialect).unwrap_err();
            assert!(
                error.at == at && error.message.contains(want),
                "{sql}: {error:?}"
            );
        }
        // JSON operators of PostgreSQL are no placeholders.
        assert!(Template::parse("SELECT a ? 'b', a ?| b, a @> c, @ -1", Postgres).is_ok());
    }

    #[test]
    fn declared_and_used_parameters_must_agree() {
        let spec = |name: &str| ParamSpec {
            name: name.to_owned(),
            kind: ParamType::Text,
            list: false,
            default: None,
        };
        let template = Template::parse("SELECT :a", Dialect::Sqlite).unwrap();
        assert_eq!(template.check(&[spec("a")]), Ok(()));
        assert!(
            template
                .check(&[])
                .unwrap_err()
                .0
                .contains("uses :a, which params does not declare")
        );
        assert!(
            template
                .check(&[spec("a"), spec("b")])
                .unwrap_err()
                .0
                .contains("write :b into the SQL")
        );
    }

    #[test]
    fn lists_expand_and_positions_lead_back() {
        let sql = "SELECT :a, x FROM t WHERE i IN (:l) AND j IN (:e) AND :a > k";
        let template = Template::parse(sql, Dialect::Postgres).unwrap();
        let list = Value::List(vec![Value::Integer(1), Value::Integer(2)]);
        let params = Params(vec![
            ("a".to_owned(), Value::Null),
            ("l".to_owned(), list),
            ("e".to_owned(), Value::List(vec![])),
        ]);
        let rendered = template
            .render(&params, "SELECT 1 WHERE 0=1", |number, _| {
                format!("${number}")
            })
            .unwrap();
        assert_eq!(
            rendered.sql,
            "SELECT $1, x FROM t WHERE i IN ($2, $3) AND j IN (SELECT 1 WHERE 0=1) AND $4 > k"
        );
        assert_eq!(rendered.values.len(), 4);
        for name in ["SELECT", "x FROM", "i IN", "j IN", "> k"] {
            let at = rendered.sql.find(name).unwrap();
            assert_eq!(rendered.original(at), sql.find(name).unwrap(), "{name}");
        }
        assert_eq!(
            rendered.original(rendered.sql.find("$3").unwrap()),
            sql.find(":l").unwrap()
        );
        assert!(
            template
                .render(&Params::default(), "", |_, _| String::new())
                .unwrap_err()
                .0
                .contains(":a")
        );
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(line_column("ab\né:x", 0), (1, 1));
        assert_eq!(line_column("ab\né:x", 5), (2, 2));
        assert_eq!(line_column("ab", 99), (1, 3));
    }

    proptest! {
        #[test]
        fn no_sql_panics_and_nothing_is_lost(sql in "[ -~éx'\"`$:\\[\\]/*\n#@?-]{0,40}", dialect in 0..4_usize) {
            let _ = Template::parse(&sql, ALL[dialect]).map(|_| names(&sql, ALL[dialect]));
        }
    }
}
