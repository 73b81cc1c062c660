//! Is a report's SQL one query, and nothing in it that acts? The parser of `sqlparser` is a second reading beside the
//! words that `readonly.rs` looks at: what it cannot read is refused, unless the user answers for it.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, ObjectName, Query, Select, SetExpr, Statement, TableFactor, Visit, Visitor,
};

use super::{SourceError, effects};
use crate::report::lex::{self, Kind};
use crate::report::{Dialect, parse};

/// Refuses what is not one query that only reads. The server may know better what is wrong with SQL that cannot be
/// parsed here, so that it is asked first where it can prepare a statement without running it.
pub(super) fn check(sql: &str, dialect: Dialect) -> Result<(), SourceError> {
    if shows(sql, dialect) {
        return Ok(());
    }
    parse::statements(sql, dialect, |statements| read(statements, dialect))
        .and_then(|found| found)
        .map_err(|why| {
            SourceError::Writes(format!(
                "the report was not run: the SQL {why}, so it is not certain that it only reads; write it in another \
                 way, or, if you answer for it, set trusted_sql = true on the report and give its source an account \
                 that can only read"
            ))
        })
}

/// The error completes the sentence "the SQL ...".
fn read(statements: &[Statement], dialect: Dialect) -> Result<(), String> {
    let mut reads = Reads { dialect };
    let visited = match statements {
        [statement @ Statement::Query(_)] => statement.visit(&mut reads),
        [] => return Err("is empty".to_owned()),
        [_] => return Err("is not a SELECT".to_owned()),
        _ => return Err("has more than one statement".to_owned()),
    };
    match visited {
        ControlFlow::Break(why) => Err(why),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Whether it is a SHOW of MySQL or PostgreSQL, which tells of the server. Without brackets it calls no function.
fn shows(sql: &str, dialect: Dialect) -> bool {
    let mut texts = lex::tokens(sql, dialect)
        .map_while(Result::ok)
        .filter(|token| token.kind != Kind::Comment)
        .map(|token| &sql[token.at..token.end]);
    let shows = texts
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case("show"));
    shows
        && matches!(dialect, Dialect::MySql | Dialect::Postgres)
        && texts.all(|text| text != "(" && text != ";")
}

struct Reads {
    dialect: Dialect,
}

impl Reads {
    fn call(&self, name: &ObjectName) -> ControlFlow<String> {
        let parts: Option<Vec<String>> = name
            .0
            .iter()
            .map(|part| Some(part.as_ident()?.value.to_lowercase()))
            .collect();
        match parts {
            Some(parts) if effects::only_reads(&parts, self.dialect) => ControlFlow::Continue(()),
            Some(parts) => ControlFlow::Break(format!(
                "calls the function {}, which is not known to only read",
                parts.join(".")
            )),
            None => stop("computes the name of a function"),
        }
    }
}

impl Visitor for Reads {
    type Break = String;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<String> {
        if matches!(statement, Statement::Query(_)) {
            ControlFlow::Continue(())
        } else {
            stop("holds a statement that is not a SELECT")
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if !query.locks.is_empty() {
            return stop("locks the rows that it reads");
        }
        let mut bodies = vec![query.body.as_ref()];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::SetOperation { left, right, .. } => {
                    bodies.extend([left.as_ref(), right.as_ref()]);
                }
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => {
                }
                SetExpr::Insert(_)
                | SetExpr::Update(_)
                | SetExpr::Delete(_)
                | SetExpr::Merge(_) => return stop("writes inside a WITH"),
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        if select.into.is_some() {
            return stop("puts its rows INTO something");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table {
                name,
                args: Some(_),
                ..
            }
            | TableFactor::Function { name, .. } => match self.dialect {
                // A table of SQLite's may take arguments, and reading one never acts.
                Dialect::Sqlite => ControlFlow::Continue(()),
                _ => self.call(name),
            },
            TableFactor::Table { .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::JsonTable { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. } => ControlFlow::Continue(()),
            _ => stop("reads something in FROM that is not known"),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        match expr {
            Expr::Function(function) => self.call(&function.name),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn stop(why: &str) -> ControlFlow<String> {
    ControlFlow::Break(why.to_owned())
}

#[cfg(test)]
#[path = "query_only_tests.rs"]
mod tests;
