//! The names that a statement mentions: relations, common table expressions, functions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, Query, SetExpr, Statement, TableFactor, Visit, Visitor};

use super::{Dialect, parse};

/// One identifier as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) quoted: bool,
}

impl Part {
    /// As PostgreSQL looks it up.
    pub(super) fn folded(&self) -> String {
        if self.quoted {
            self.text.clone()
        } else {
            self.text.to_lowercase()
        }
    }
}

/// A relation's name as written, outermost schema first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) parts: Vec<Part>,
}

impl Name {
    fn of(name: &ObjectName) -> Option<Self> {
        let parts = name.0.iter().map(|part| {
            part.as_ident().map(|ident| Part {
                text: ident.value.clone(),
                quoted: ident.quote_style.is_some(),
            })
        });
        parts
            .collect::<Option<Vec<_>>>()
            .map(|parts| Self { parts })
    }

    pub(super) fn joined(&self) -> String {
        self.parts
            .iter()
            .map(|part| part.text.as_str())
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// A function that is called, without its schema, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    /// Whether it stands as a relation, in FROM.
    pub(super) in_from: bool,
}

impl Call {
    fn of(name: &ObjectName, in_from: bool) -> Option<Self> {
        let last = name.0.last()?.as_ident()?;
        Some(Self {
            name: last.value.to_lowercase(),
            in_from,
        })
    }
}

/// Every name that one statement mentions.
#[derive(Default)]
pub(super) struct Mentions {
    pub(super) relations: Vec<Name>,
    pub(super) ctes: Vec<Part>,
    pub(super) functions: Vec<Call>,
    /// Names (in lower case) that the statement gives to relations, and that a list of columns may follow.
    pub(super) declared: BTreeSet<String>,
    /// Calls in FROM, whose names are visited as relations too.
    calls: Vec<Name>,
}

impl Mentions {
    /// Reads them; the error completes the sentence "the SQL ...".
    pub(super) fn read(sql: &str, dialect: Dialect) -> Result<Self, String> {
        parse::statements(sql, dialect, Self::of)?
    }

    fn of(statements: &[Statement]) -> Result<Self, String> {
        let mut named = Self::default();
        let visited = match statements {
            [Statement::Query(query)] => query.visit(&mut named),
            [Statement::CreateView(view)] => view.query.visit(&mut named),
            [_] => return Err("is not a SELECT".to_owned()),
            _ => return Err("is not one statement".to_owned()),
        };
        match visited {
            ControlFlow::Break(why) => Err(why),
            ControlFlow::Continue(()) => Ok(named),
        }
    }
}

impl Visitor for Mentions {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = &cte.alias.name;
            self.declared.insert(name.value.to_lowercase());
            self.ctes.push(Part {
                text: name.value.clone(),
                quoted: name.quote_style.is_some(),
            });
        }
        let mut bodies = vec![query.body.as_ref()];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::SetOperation { left, right, .. } => {
                    bodies.extend([left.as_ref(), right.as_ref()]);
                }
                // Its name is no relation to the visitor.
                SetExpr::Table(_) => return stop("uses TABLE name; write SELECT * FROM name"),
                SetExpr::Insert(_)
                | SetExpr::Update(_)
                | SetExpr::Delete(_)
                | SetExpr::Merge(_) => {
                    return stop("writes inside a WITH");
                }
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::NestedJoin { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::JsonTable { alias, .. }
        | TableFactor::Pivot { alias, .. }
        | TableFactor::Unpivot { alias, .. } = factor
            && let Some(alias) = alias
        {
            self.declared.insert(alias.name.value.to_lowercase());
        }
        match factor {
            TableFactor::Table {
                name,
                args: Some(_),
                ..
            } => {
                let (Some(call), Some(relation)) = (Call::of(name, true), Name::of(name)) else {
                    return stop("computes the name of a function");
                };
                self.functions.push(call);
                self.calls.push(relation);
            }
            TableFactor::Function { name, .. } => match Call::of(name, true) {
                Some(call) => self.functions.push(call),
                None => return stop("computes the name of a function"),
            },
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::JsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. } => {}
            _ => return stop("reads something in FROM whose tables are not known"),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Self::Break> {
        let Some(name) = Name::of(relation) else {
            return stop("computes the name of a table");
        };
        match self.calls.iter().position(|call| *call == name) {
            Some(call) => {
                self.calls.swap_remove(call);
            }
            None => self.relations.push(name),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expr {
            match Call::of(&function.name, false) {
                Some(call) => self.functions.push(call),
                None => return stop("computes the name of a function"),
            }
        }
        ControlFlow::Continue(())
    }
}

fn stop(why: &str) -> ControlFlow<String> {
    ControlFlow::Break(why.to_owned())
}
