//! The queue's own scripts in an embedded Lua 5.1, as Redis has it, over a [`Redis`] of this process.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use mlua::{Function, Lua, MultiValue, Table, Value};

use crate::redis::{Answer, Redis};

/// A fault in a script: what of it is replaced by what.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub script: &'static str,
    pub instead_of: &'static str,
    pub stands: &'static str,
}

/// The scripts of a shard.
pub struct Scripts {
    lua: Lua,
    redis: Rc<RefCell<Redis>>,
    functions: HashMap<&'static str, (Function, Table)>,
}

impl Scripts {
    /// Those of the queue, over a Redis that is empty.
    pub fn load() -> Self {
        Self::with(None)
    }

    /// The same with a fault put into one of them.
    ///
    /// # Panics
    ///
    /// Where a script is no Lua, or has not what is to be replaced.
    pub fn with(fault: Option<Fault>) -> Self {
        let (lua, redis) = (Lua::new(), Rc::new(RefCell::new(Redis::default())));
        let functions = furnish(&lua, &redis, fault).expect("Lua is furnished");
        Self { lua, redis, functions }
    }

    /// Calls a script by its name on `redis`, at once as Redis does.
    ///
    /// # Panics
    ///
    /// Where it fails: on data of its own no script may.
    pub fn call(&self, redis: &mut Redis, name: &str, args: &[Vec<u8>]) -> Answer {
        std::mem::swap(redis, &mut self.redis.borrow_mut());
        let answer = self.run(name, args);
        std::mem::swap(redis, &mut self.redis.borrow_mut());
        answer.unwrap_or_else(|error| panic!("{name} failed on {redis:?}: {error}"))
    }

    fn run(&self, name: &str, args: &[Vec<u8>]) -> mlua::Result<Answer> {
        let (function, keys) = &self.functions[name];
        let given = self.lua.create_table()?;
        for arg in args {
            given.raw_push(self.lua.create_string(arg)?)?;
        }
        self.lua.globals().set("KEYS", keys)?;
        self.lua.globals().set("ARGV", given)?;
        told(&function.call::<Value>(())?)
    }
}

fn furnish(
    lua: &Lua,
    redis: &Rc<RefCell<Redis>>,
    fault: Option<Fault>,
) -> mlua::Result<HashMap<&'static str, (Function, Table)>> {
    let redis = redis.clone();
    let call = lua.create_function(move |lua, args: MultiValue| {
        let args = args.iter().map(argument).collect::<mlua::Result<Vec<_>>>()?;
        let answer = redis.borrow_mut().call(&args).map_err(mlua::Error::runtime)?;
        given(lua, &answer)
    })?;
    let commands = lua.create_table()?;
    commands.set("call", call)?;
    lua.globals().set("redis", commands)?;
    let json = lua.create_table()?;
    json.set("encode", lua.create_function(|_, value: Value| json_of(&value))?)?;
    lua.globals().set("cjson", json)?;
    let mut functions = HashMap::new();
    for (name, text, keys) in queue::fuzzing::scripts() {
        // The first line is Redis' own, and no Lua.
        let mut text = text.split_once('\n').map_or(text, |(_, rest)| rest).to_owned();
        if let Some(fault) = fault.filter(|fault| fault.script == name) {
            assert!(text.contains(fault.instead_of), "{name} has no {}", fault.instead_of);
            text = text.replace(fault.instead_of, fault.stands);
        }
        functions.insert(name, (lua.load(text).set_name(name).into_function()?, lua.create_sequence_from(keys)?));
    }
    Ok(functions)
}

/// An argument of a command: numbers are written as Redis' Lua writes them.
fn argument(value: &Value) -> mlua::Result<Vec<u8>> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Integer(number) => Ok(number.to_string().into_bytes()),
        Value::Number(number) => Ok(number.to_string().into_bytes()),
        other => Err(mlua::Error::runtime(format!("an argument must be a string or a number, and is {other:?}"))),
    }
}

/// An answer as a script sees it: nil is false.
fn given(lua: &Lua, answer: &Answer) -> mlua::Result<Value> {
    Ok(match answer {
        Answer::Nil => Value::Boolean(false),
        Answer::Number(number) => Value::Number(*number as f64),
        Answer::Text(text) => Value::String(lua.create_string(text)?),
        Answer::Status(status) => {
            let table = lua.create_table()?;
            table.set("ok", *status)?;
            Value::Table(table)
        }
        Answer::All(all) => {
            let table = lua.create_table()?;
            for one in all {
                table.raw_push(given(lua, one)?)?;
            }
            Value::Table(table)
        }
    })
}

/// What a script returns, as a client gets it: numbers lose their fraction, lists end at the first nil.
fn told(value: &Value) -> mlua::Result<Answer> {
    Ok(match value {
        Value::Nil | Value::Boolean(false) => Answer::Nil,
        Value::Boolean(true) => Answer::Number(1),
        Value::Integer(number) => Answer::Number(*number),
        Value::Number(number) => Answer::Number(*number as i64),
        Value::String(text) => Answer::Text(text.as_bytes().to_vec()),
        Value::Table(table) => Answer::All(table.sequence_values::<Value>().map(|one| told(&one?)).collect::<mlua::Result<_>>()?),
        other => return Err(mlua::Error::runtime(format!("no client can be told {other:?}"))),
    })
}

/// As cjson writes it; of tables, those with names, which the scripts give one of.
fn json_of(value: &Value) -> mlua::Result<String> {
    Ok(match value {
        Value::String(text) => format!("\"{}\"", text.to_str()?.replace('\\', "\\\\").replace('"', "\\\"").replace('/', "\\/")),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Table(table) => {
            let mut fields = Vec::new();
            for pair in table.pairs::<String, Value>() {
                let (name, value) = pair?;
                fields.push(format!("\"{name}\":{}", json_of(&value)?));
            }
            format!("{{{}}}", fields.join(","))
        }
        other => return Err(mlua::Error::runtime(format!("no JSON for {other:?}"))),
    })
}
