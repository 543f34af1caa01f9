//! The way from fred's clients to the simulation's Redis, in place of sockets.

use std::{sync::Arc, time::Duration};

use interleavings::redis::Answer;
use rand::Rng;
use redis_client::{
    fred::{
        error::Error,
        mocks::{MockCommand, Mocks},
        types::Value,
    },
    simulated,
};

use crate::redis;

/// Lets `host` ask this thread's server at that name.
pub fn admit(host: &str) {
    simulated::register(host, Arc::new(Client { host: host.to_owned() }));
}

/// A host's way to the server.
#[derive(Debug)]
struct Client {
    host: String,
}

impl simulated::Server for Client {
    fn travel(&self) -> Duration {
        redis::with(|server| {
            let most = server.travel_ms;
            Duration::from_millis(server.rng.random_range(0..=most))
        })
    }
}

impl Mocks for Client {
    fn process_command(&self, command: MockCommand) -> Result<Value, Error> {
        let mut args = vec![command.cmd.as_bytes().to_vec()];
        args.extend(command.subcommand.iter().map(|word| word.as_bytes().to_vec()));
        args.extend(command.args.iter().map(bytes));
        redis::with(|server| server.asked(&self.host, &args))
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Integer(number) => number.to_string().into_bytes(),
        Value::Double(number) => number.to_string().into_bytes(),
        Value::Boolean(flag) => flag.to_string().into_bytes(),
        other => panic!("no command has an argument such as {other:?}"),
    }
}

/// An answer as a client gets it.
pub fn value(answer: Answer) -> Value {
    match answer {
        Answer::Nil => Value::Null,
        Answer::Number(number) => Value::Integer(number),
        Answer::Text(bytes) => Value::Bytes(bytes.into()),
        Answer::Status(status) => Value::from_static_str(status),
        Answer::All(all) => Value::Array(all.into_iter().map(value).collect()),
    }
}

/// A command as the history tells it.
pub fn shown(args: &[Vec<u8>]) -> String {
    let text = |bytes: &Vec<u8>| {
        let text: String = String::from_utf8_lossy(bytes).chars().take(24).filter(|c| !c.is_control()).collect();
        text
    };
    let all: Vec<String> = args.iter().take(16).map(text).collect();
    all.join(" ")
}

/// An answer as the history tells it.
pub fn shown_answer(answer: &Answer) -> String {
    let text = match answer {
        Answer::Nil => "nothing".to_owned(),
        Answer::Number(number) => number.to_string(),
        Answer::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Answer::Status(status) => (*status).to_owned(),
        Answer::All(all) => format!("[{}]", all.iter().map(shown_answer).collect::<Vec<_>>().join(", ")),
    };
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}
