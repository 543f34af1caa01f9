//! The model against a real Redis: the same calls of the same scripts at the same times have the same answers and leave the same
//! data, by calls at random.

use std::collections::BTreeMap;

use e2e::{OwnDirectory, Redis as Server, new_directory};
use interleavings::{
    lua::Scripts,
    redis::{Answer, Redis, Value as Kept},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use redis_client::fred::{
    clients::Client,
    interfaces::{ClientLike, HashesInterface, KeysInterface, ListInterface, LuaInterface, SortedSetsInterface},
    types::{Value, scan::ScanType},
};

/// Calls of one history, and histories.
const CALLS: (usize, u64) = (60, 30);
const START_MS: i64 = 1_700_000_000_000;

type Call = (&'static str, Vec<String>);

/// A call that may come at any time, with arguments that may not fit.
fn call(rng: &mut StdRng) -> Call {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let id = format!("j{}", rng.random_range(0..5));
    let claim = format!("c{}", rng.random_range(0..4));
    let (lane, owner) = (["p", "o"].choose(rng).unwrap(), ["w1", "w2"].choose(rng).unwrap());
    let flow = rng.random_range(0..3).to_string();
    let record = format!("{lane}|{START_MS}||{flow}|\nbody");
    let count = rng.random_range(1..4).to_string();
    match rng.random_range(0..15) {
        0..=3 => {
            ("enqueue", texts(&["1000", "wake", "200", "1", "1", &claim, &format!("old{claim}"), &id, lane, &flow, &record]))
        }
        4 => ("enqueue_dead", texts(&["1000", "unreadable", "no \"job\"", &claim, "", &id, lane, &record])),
        5..=7 => ("fetch", texts(&[&count, "10000", owner, "1", "2", "5", ["0", "1"].choose(rng).unwrap()])),
        8 if *lane == "p" => ("ack", texts(&["2", "1", &id])),
        8 => ("ack", texts(&["2", "0", &id])),
        9 => ("fail", texts(&[owner, "2", &id, lane, "500", "refused", ["", "poison"].choose(rng).unwrap()])),
        10 => ("renew", texts(&[owner, "10000", &id, lane])),
        11 => ("release", texts(&[owner, "wake", &id, lane])),
        12 => ("redrive", texts(&["wake", &id])),
        13 => ("discard", texts(&["dropped", &id, &claim, ""])),
        _ => match rng.random_range(0..4) {
            0 => ("stats", texts(&["10"])),
            1 => ("expired", texts(&["100", "1", "10"])),
            2 => ("forget", texts(&[&claim, &id])),
            _ => ("replace_dead", texts(&["wake", &id, lane, &record])),
        },
    }
}

/// The script with the clock at that time.
fn at(text: &str, now_ms: i64) -> String {
    let (first, rest) = text.split_once('\n').unwrap();
    let time = format!("{{'{}','{}'}}", now_ms / 1000, now_ms % 1000 * 1000);
    let call = format!("function(name,...) if name=='TIME' then return {time} end return real.call(name,...) end");
    format!("{first}\nlocal real=redis;local redis={{call={call}}}\n{rest}")
}

fn told(value: &Value) -> Answer {
    match value {
        Value::Null => Answer::Nil,
        Value::Integer(number) => Answer::Number(*number),
        Value::Array(all) => Answer::All(all.iter().map(told).collect()),
        other => Answer::Text(other.as_bytes().expect("a text").to_vec()),
    }
}

async fn kept(client: &Client) -> BTreeMap<Vec<u8>, Kept> {
    let mut all = BTreeMap::new();
    let (_, keys): (String, Vec<String>) = client.scan_page("0", "*", Some(1000), None::<ScanType>).await.unwrap();
    for key in keys {
        let kind: String = client.r#type(&key).await.unwrap();
        let value = match kind.as_str() {
            "hash" => Kept::Hash(client.hgetall::<BTreeMap<Vec<u8>, Vec<u8>>, _>(&key).await.unwrap()),
            "zset" => {
                let members: Vec<(Vec<u8>, f64)> = client.zrange(&key, 0, -1, None, false, None, true).await.unwrap();
                Kept::Sorted(members.into_iter().map(|(member, score)| (member, score as i64)).collect())
            }
            "list" => Kept::List(client.lrange(&key, 0, -1).await.unwrap()),
            "string" => Kept::Text(client.get(&key).await.unwrap()),
            other => panic!("{key} is a {other}"),
        };
        all.insert(key.into_bytes(), value);
    }
    all
}

#[tokio::test]
async fn the_model_is_what_redis_does() {
    let own = OwnDirectory(new_directory());
    let server = Server::one(&own.0, &[]).await;
    let client = redis_client::connect(&server.url()).unwrap();
    let texts: BTreeMap<_, _> = queue::fuzzing::scripts().into_iter().map(|(name, text, keys)| (name, (text, keys))).collect();
    let scripts = Scripts::load();
    for seed in 0..CALLS.1 {
        let mut rng = StdRng::seed_from_u64(seed);
        let _: () = client.flushall(false).await.unwrap();
        let mut model = Redis::at(START_MS);
        let mut history: Vec<(i64, Call)> = Vec::new();
        for _ in 0..CALLS.0 {
            // As far as a lease goes, and sometimes back.
            model.now_ms += [0, 1, 400, 6_000, -300].choose(&mut rng).unwrap();
            let (name, args) = call(&mut rng);
            history.push((model.now_ms, (name, args.clone())));
            let (text, keys) = &texts[name];
            let real: Value = client.eval(at(text, model.now_ms), keys.clone(), args.clone()).await.unwrap();
            let bytes: Vec<Vec<u8>> = args.into_iter().map(String::into_bytes).collect();
            let answer = scripts.call(&mut model, name, &bytes);
            assert_eq!(answer, told(&real), "seed {seed}: {history:#?}");
            assert_eq!(model.values(), &kept(&client).await, "seed {seed}: {history:#?}");
        }
    }
}

/// A command that services send beside their scripts, or that only those of caches and directories have.
fn command(rng: &mut StdRng) -> Vec<String> {
    let (key, field) = (rng.random_range(0..2), rng.random_range(0..3));
    let mut score = || rng.random_range(0..4).to_string();
    let (from, to, value) = (score(), score(), score());
    let form = |text: &str| {
        let words = text.split(' ').map(|word| match word {
            "TEXT" => format!("t{key}"),
            "HASH" => format!("h{key}"),
            "SORTED" => format!("z{key}"),
            "LIST" => format!("l{key}"),
            "OTHER" => format!("h{}", 1 - key),
            "FIELD" => format!("f{field}"),
            "FROM" => from.clone(),
            "TO" => to.clone(),
            "VALUE" => value.clone(),
            other => other.to_owned(),
        });
        words.collect()
    };
    let forms = [
        "GET TEXT",
        "SET TEXT VALUE",
        "SET TEXT VALUE NX",
        "SET TEXT VALUE EX 1000",
        "SET TEXT VALUE PX 1000000 NX",
        "INCR TEXT",
        "PERSIST TEXT",
        "PEXPIRE TEXT 1000000",
        "PTTL NONE",
        "DEL TEXT",
        "HSET HASH FIELD VALUE",
        "HSETNX HASH FIELD VALUE",
        "HGETALL HASH",
        "HDEL HASH FIELD",
        "RENAMENX HASH OTHER",
        "LPUSH LIST VALUE",
        "LRANGE LIST 0 -1",
        "LRANGE LIST 1 5",
        "ZADD SORTED VALUE FIELD",
        "ZSCORE SORTED FIELD",
        "ZCOUNT SORTED FROM TO",
        "ZCOUNT SORTED (FROM +inf",
        "ZREMRANGEBYSCORE SORTED -inf FROM",
        "ZREVRANGEBYSCORE SORTED TO FROM WITHSCORES LIMIT 0 2",
    ];
    let mut words: Vec<String> = form(forms.choose(rng).unwrap());
    words.iter_mut().filter(|word| *word == "(FROM").for_each(|word| *word = format!("({from}"));
    words
}

#[tokio::test]
async fn what_is_asked_beside_the_queues_scripts_is_what_redis_does() {
    // By a script, which is told the plain answer.
    const CALL: &str = "local answer = redis.pcall(unpack(ARGV)) if type(answer) == 'table' and answer.err then return 'refused' end \
                        if type(answer) == 'table' and answer.ok then return answer.ok end return answer";
    let own = OwnDirectory(new_directory());
    let server = Server::one(&own.0, &[]).await;
    let client = redis_client::connect(&server.url()).unwrap();
    for seed in 0..10 {
        let mut rng = StdRng::seed_from_u64(seed);
        let _: () = client.flushall(false).await.unwrap();
        let (mut model, mut history) = (Redis::at(START_MS), Vec::new());
        for _ in 0..150 {
            let command = command(&mut rng);
            history.push(command.join(" "));
            let real: Value = client.eval(CALL, Vec::<String>::new(), command.clone()).await.unwrap();
            let bytes: Vec<Vec<u8>> = command.into_iter().map(String::into_bytes).collect();
            let answer = match model.call(&bytes) {
                Ok(Answer::Status(status)) => Answer::Text(status.as_bytes().to_vec()),
                Ok(answer) => answer,
                Err(_) => Answer::Text(b"refused".to_vec()),
            };
            let pairs = |answer: Answer| match answer {
                // Redis' hashes have an order of their own.
                Answer::All(all) if bytes[0] == b"HGETALL" => {
                    let mut pairs: Vec<_> = all.chunks(2).map(|pair| format!("{pair:?}")).collect();
                    pairs.sort();
                    Err(pairs)
                }
                other => Ok(other),
            };
            assert_eq!(pairs(answer), pairs(told(&real)), "seed {seed}: {history:#?}");
            assert_eq!(model.values(), &kept(&client).await, "seed {seed}: {history:#?}");
        }
    }
}
