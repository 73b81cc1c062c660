//! Runs the product's own scripts (`src/cache/lua`) in the Lua that Redis embeds, over a [`Store`].

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Function, Lua, LuaOptions, StdLib, Table, Variadic};

use super::store::{Reply, Store, Text};

/// The scripts of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Begin,
    Commit,
    Drop,
    Epoch,
    Lead,
    Owned,
    Publish,
    Read,
    Refreshes,
    Resign,
    Resume,
}

impl Script {
    /// Every one, in the order of their numbers.
    pub(crate) const ALL: [Self; 11] = [
        Self::Begin,
        Self::Commit,
        Self::Drop,
        Self::Epoch,
        Self::Lead,
        Self::Owned,
        Self::Publish,
        Self::Read,
        Self::Refreshes,
        Self::Resign,
        Self::Resume,
    ];

    /// Its text, as the product sends it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Begin => include_str!("../../../src/cache/lua/begin.lua"),
            Self::Commit => include_str!("../../../src/cache/lua/commit.lua"),
            Self::Drop => include_str!("../../../src/cache/lua/drop.lua"),
            Self::Epoch => include_str!("../../../src/cache/lua/epoch.lua"),
            Self::Lead => include_str!("../../../src/cache/lua/lead.lua"),
            Self::Owned => include_str!("../../../src/cache/lua/owned.lua"),
            Self::Publish => include_str!("../../../src/cache/lua/publish.lua"),
            Self::Read => concat!(
                include_str!("../../../src/cache/lua/demand.lua"),
                include_str!("../../../src/cache/lua/read.lua")
            ),
            Self::Refreshes => include_str!("../../../src/cache/lua/refreshes.lua"),
            Self::Resign => include_str!("../../../src/cache/lua/resign.lua"),
            Self::Resume => include_str!("../../../src/cache/lua/resume.lua"),
        }
    }
}

/// The scripts, compiled.
pub(crate) struct Scripts {
    lua: Lua,
    functions: Vec<Function>,
    /// The store of the run that is under way.
    store: Rc<RefCell<Store>>,
}

impl Scripts {
    /// Compiles them, each changed by `patch` before: how a broken variant is made.
    pub(crate) fn new(patch: impl Fn(Script, &str) -> String) -> Self {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::default()).unwrap();
        let store = Rc::new(RefCell::new(Store::new()));
        let redis = lua.create_table().unwrap();
        for (name, raises) in [("call", true), ("pcall", false)] {
            let store = store.clone();
            let run = move |lua: &Lua, args: Variadic<mlua::Value>| {
                let command: Vec<Text> = args.iter().map(argument).collect::<Result<_, _>>()?;
                match store.borrow_mut().call(&command) {
                    Reply::Error(why) if raises => Err(mlua::Error::RuntimeError(why)),
                    reply => into_lua(lua, &reply),
                }
            };
            redis
                .raw_set(name, lua.create_function(run).unwrap())
                .unwrap();
        }
        let cjson = lua.create_table().unwrap();
        let decode = |lua: &Lua, text: mlua::LuaString| {
            let value: serde_json::Value =
                serde_json::from_slice(&text.as_bytes()).map_err(mlua::Error::external)?;
            from_json(lua, &value)
        };
        cjson
            .raw_set("decode", lua.create_function(decode).unwrap())
            .unwrap();
        lua.globals().raw_set("redis", redis).unwrap();
        lua.globals().raw_set("cjson", cjson).unwrap();
        let functions = Script::ALL
            .iter()
            .map(|&script| {
                let text = patch(script, script.text());
                lua.load(text).into_function().unwrap()
            })
            .collect();
        Self {
            lua,
            functions,
            store,
        }
    }

    /// Runs one over `store`, to its answer; an error that it raises is an answer too.
    pub(crate) fn run(
        &self,
        store: &mut Store,
        script: Script,
        keys: &[Text],
        args: &[Text],
    ) -> Reply {
        // Redis, too, looks at the clock once, when a script begins.
        store.expire();
        std::mem::swap(store, &mut self.store.borrow_mut());
        let globals = self.lua.globals();
        let list = |items: &[Text]| {
            let strings = items.iter().map(|item| self.lua.create_string(item));
            let strings: Result<Vec<_>, _> = strings.collect();
            self.lua.create_sequence_from(strings.unwrap()).unwrap()
        };
        globals.raw_set("KEYS", list(keys)).unwrap();
        globals.raw_set("ARGV", list(args)).unwrap();
        let answer = self.functions[script as usize].call::<mlua::Value>(());
        std::mem::swap(store, &mut self.store.borrow_mut());
        match answer {
            Ok(value) => from_lua(&value),
            Err(error) => Reply::Error(error.to_string()),
        }
    }
}

/// An argument of `redis.call`, as Redis takes it.
fn argument(value: &mlua::Value) -> mlua::Result<Text> {
    match value {
        mlua::Value::String(text) => Ok(text.as_bytes().as_ref().into()),
        mlua::Value::Integer(number) => Ok(number.to_string().as_bytes().into()),
        mlua::Value::Number(number) => Ok(number.to_string().as_bytes().into()),
        other => Err(mlua::Error::RuntimeError(format!(
            "ERR Lua redis lib command arguments must be strings or integers, not {}",
            other.type_name()
        ))),
    }
}

fn into_lua(lua: &Lua, reply: &Reply) -> mlua::Result<mlua::Value> {
    let pair = |name: &str, text: &str| -> mlua::Result<mlua::Value> {
        let table = lua.create_table()?;
        table.raw_set(name, text)?;
        Ok(mlua::Value::Table(table))
    };
    Ok(match reply {
        Reply::Nil => mlua::Value::Boolean(false),
        Reply::Int(number) => mlua::Value::Integer(*number),
        Reply::Bulk(text) => mlua::Value::String(lua.create_string(text)?),
        Reply::Ok => pair("ok", "OK")?,
        Reply::Error(why) => pair("err", why)?,
        Reply::Many(replies) => {
            let values: mlua::Result<Vec<_>> =
                replies.iter().map(|reply| into_lua(lua, reply)).collect();
            mlua::Value::Table(lua.create_sequence_from(values?)?)
        }
    })
}

fn from_lua(value: &mlua::Value) -> Reply {
    match value {
        mlua::Value::Boolean(true) => Reply::Int(1),
        mlua::Value::Integer(number) => Reply::Int(*number),
        mlua::Value::Number(number) => Reply::Int(*number as i64),
        mlua::Value::String(text) => Reply::Bulk(text.as_bytes().as_ref().into()),
        mlua::Value::Table(table) => from_table(table),
        _ => Reply::Nil,
    }
}

fn from_table(table: &Table) -> Reply {
    let at = |index: usize| table.raw_get::<mlua::Value>(index).unwrap();
    let items: Vec<Reply> = (1..=usize::MAX)
        .map(at)
        .take_while(|item| !item.is_nil())
        .map(|item| from_lua(&item))
        .collect();
    if !items.is_empty() {
        return Reply::Many(items);
    }
    match (table.raw_get("err"), table.raw_get("ok")) {
        (Ok(mlua::Value::String(why)), _) => Reply::Error(why.to_string_lossy()),
        (_, Ok(mlua::Value::String(_))) => Reply::Ok,
        _ => Reply::Many(items),
    }
}

fn from_json(lua: &Lua, value: &serde_json::Value) -> mlua::Result<mlua::Value> {
    Ok(match value {
        serde_json::Value::Null => mlua::Value::NULL,
        serde_json::Value::Bool(truth) => mlua::Value::Boolean(*truth),
        serde_json::Value::Number(number) => {
            mlua::Value::Number(number.as_f64().unwrap_or_default())
        }
        serde_json::Value::String(text) => mlua::Value::String(lua.create_string(text)?),
        serde_json::Value::Array(items) => {
            let items: mlua::Result<Vec<_>> =
                items.iter().map(|item| from_json(lua, item)).collect();
            mlua::Value::Table(lua.create_sequence_from(items?)?)
        }
        serde_json::Value::Object(fields) => {
            let table = lua.create_table()?;
            for (name, field) in fields {
                table.raw_set(name.as_str(), from_json(lua, field)?)?;
            }
            mlua::Value::Table(table)
        }
    })
}
