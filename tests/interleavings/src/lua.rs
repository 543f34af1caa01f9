//! The queue's own scripts in an embedded Lua 5.1, as Redis has it, over a [`Redis`] of this process.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use mlua::{Function, Lua, MultiValue, Value};

use crate::redis::{Answer, Redis};

/// A fault in a script: what of it is replaced by what.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub script: &'static str,
    pub instead_of: &'static str,
    pub stands: &'static str,
}

/// A Lua as Redis has it, whose commands are done on a [`Redis`] of this process.
pub struct Interpreter {
    lua: Lua,
    redis: Rc<RefCell<Redis>>,
}

impl Default for Interpreter {
    fn default() -> Self {
        Self::new()
    }
}

impl Interpreter {
    /// One without scripts.
    ///
    /// # Panics
    ///
    /// Where Lua has no memory.
    pub fn new() -> Self {
        let (lua, redis) = (Lua::new(), Rc::new(RefCell::new(Redis::default())));
        furnish(&lua, &redis).expect("Lua is furnished");
        Self { lua, redis }
    }

    /// The script of that text, whose first line may be Redis' own (`#!lua …`).
    pub fn load(&self, name: &str, text: &str) -> Result<Function, String> {
        let text = if text.starts_with("#!") { text.split_once('\n').map_or("", |(_, rest)| rest) } else { text };
        self.lua.load(text).set_name(name).into_function().map_err(|error| error.to_string())
    }

    /// Runs a script on `redis`, at once as Redis does.
    pub fn run(&self, redis: &mut Redis, script: &Function, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Answer, String> {
        std::mem::swap(redis, &mut self.redis.borrow_mut());
        let answer = self.answer(script, keys, args);
        std::mem::swap(redis, &mut self.redis.borrow_mut());
        answer.map_err(|error| error.to_string())
    }

    fn answer(&self, script: &Function, keys: &[Vec<u8>], args: &[Vec<u8>]) -> mlua::Result<Answer> {
        for (name, given) in [("KEYS", keys), ("ARGV", args)] {
            let table = self.lua.create_table()?;
            for one in given {
                table.raw_push(self.lua.create_string(one)?)?;
            }
            self.lua.globals().set(name, table)?;
        }
        told(&script.call::<Value>(())?)
    }
}

/// The scripts of a shard.
pub struct Scripts {
    interpreter: Interpreter,
    functions: HashMap<&'static str, (Function, Vec<Vec<u8>>)>,
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
        let interpreter = Interpreter::new();
        let mut functions = HashMap::new();
        for (name, text, keys) in queue::fuzzing::scripts() {
            let mut text = text.to_owned();
            if let Some(fault) = fault.filter(|fault| fault.script == name) {
                assert!(text.contains(fault.instead_of), "{name} has no {}", fault.instead_of);
                text = text.replace(fault.instead_of, fault.stands);
            }
            let function = interpreter.load(name, &text).expect("a script is Lua");
            functions.insert(name, (function, keys.into_iter().map(String::into_bytes).collect()));
        }
        Self { interpreter, functions }
    }

    /// Calls a script by its name on `redis`, at once as Redis does.
    ///
    /// # Panics
    ///
    /// Where it fails: on data of its own no script may.
    pub fn call(&self, redis: &mut Redis, name: &str, args: &[Vec<u8>]) -> Answer {
        let (function, keys) = &self.functions[name];
        let answer = self.interpreter.run(redis, function, keys, args);
        answer.unwrap_or_else(|error| panic!("{name} failed on {redis:?}: {error}"))
    }
}

fn furnish(lua: &Lua, redis: &Rc<RefCell<Redis>>) -> mlua::Result<()> {
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
    lua.globals().set("cjson", json)
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
