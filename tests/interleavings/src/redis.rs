//! Redis' data and the commands that the scripts use, as Redis documents them, over plain maps: a state of it can be copied,
//! compared and hashed. What it does not know it refuses, so that a script which comes to use more is noticed.

mod strings;
mod whole;

use std::collections::BTreeMap;

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Nil,
    Number(i64),
    Text(Vec<u8>),
    All(Vec<Answer>),
    /// A status such as OK.
    Status(&'static str),
}

/// What is under a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    /// Members by their scores, which are whole numbers here.
    Sorted(BTreeMap<Vec<u8>, i64>),
    List(Vec<Vec<u8>>),
    Text(Vec<u8>),
}

/// A server's data, and its clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Redis {
    /// Milliseconds since 1970 UTC.
    pub now_ms: i64,
    values: BTreeMap<Vec<u8>, Value>,
    /// When keys expire, by the clock.
    ends: BTreeMap<Vec<u8>, i64>,
}

/// Why a command was not done.
pub type Refusal = String;

fn text(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}

fn number(bytes: &[u8]) -> Result<i64, Refusal> {
    let text = String::from_utf8_lossy(bytes);
    // Lua writes large whole numbers so.
    let whole = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0).map(|number| number as i64);
    text.parse().ok().or(whole).ok_or_else(|| format!("ERR value is not an integer or out of range: {text}"))
}

/// A bound of scores.
fn bound(bytes: &[u8]) -> Result<i64, Refusal> {
    match bytes {
        b"-inf" => Ok(i64::MIN),
        b"+inf" | b"inf" => Ok(i64::MAX),
        other => number(other),
    }
}

/// From where to where of `length`, counted from the end where negative.
fn span(length: usize, from: i64, to: i64) -> std::ops::Range<usize> {
    let place = |at: i64| if at < 0 { at + length as i64 } else { at };
    let (from, to) = (place(from).max(0) as usize, (place(to) + 1).clamp(0, length as i64) as usize);
    from.min(to)..to
}

macro_rules! of_kind {
    ($name:ident, $name_mut:ident, $kind:ident, $type:ty) => {
        fn $name(&self, key: &[u8]) -> Result<Option<&$type>, Refusal> {
            match self.values.get(key) {
                None => Ok(None),
                Some(Value::$kind(value)) => Ok(Some(value)),
                Some(_) => Err("WRONGTYPE".to_owned()),
            }
        }

        fn $name_mut(&mut self, key: &[u8]) -> Result<&mut $type, Refusal> {
            match self.values.entry(key.to_vec()).or_insert_with(|| Value::$kind(<$type>::default())) {
                Value::$kind(value) => Ok(value),
                _ => Err("WRONGTYPE".to_owned()),
            }
        }
    };
}

impl Redis {
    of_kind!(hash, hash_mut, Hash, BTreeMap<Vec<u8>, Vec<u8>>);
    of_kind!(sorted, sorted_mut, Sorted, BTreeMap<Vec<u8>, i64>);
    of_kind!(list, list_mut, List, Vec<Vec<u8>>);

    /// An empty one at that time.
    pub fn at(now_ms: i64) -> Self {
        Self { now_ms, ..Self::default() }
    }

    /// Everything that is kept, by key.
    pub fn values(&self) -> &BTreeMap<Vec<u8>, Value> {
        &self.values
    }

    /// A field of a hash.
    pub fn field(&self, key: &str, field: &str) -> Option<&[u8]> {
        self.hash(key.as_bytes()).ok()??.get(field.as_bytes()).map(Vec::as_slice)
    }

    /// The fields of a hash, or the members of a sorted set.
    pub fn names(&self, key: &str) -> Vec<String> {
        let name = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
        match self.values.get(key.as_bytes()) {
            Some(Value::Hash(hash)) => hash.keys().map(name).collect(),
            Some(Value::Sorted(set)) => set.keys().map(name).collect(),
            _ => Vec::new(),
        }
    }

    /// The lowest score of a sorted set.
    pub fn lowest(&self, key: &str) -> Option<i64> {
        self.sorted(key.as_bytes()).ok()??.values().min().copied()
    }

    /// Does a command, given as its name and arguments.
    pub fn call(&mut self, args: &[Vec<u8>]) -> Result<Answer, Refusal> {
        let over: Vec<Vec<u8>> = self.ends.iter().filter(|(_, end)| **end <= self.now_ms).map(|(key, _)| key.clone()).collect();
        over.iter().for_each(|key| self.remove(key));
        let (name, args) = args.split_first().ok_or("ERR no command")?;
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        let answer =
            self.keys_and_time(&name, args).or_else(|| self.hashes(&name, args)).or_else(|| self.sorted_sets(&name, args));
        let answer = answer.or_else(|| self.lists(&name, args)).or_else(|| self.strings(&name, args));
        let answer =
            answer.or_else(|| self.whole(&name, args)).unwrap_or_else(|| Err(format!("ERR unknown command '{name}'")))?;
        // Redis keeps no empty value.
        self.values.retain(|_, value| match value {
            Value::Hash(hash) => !hash.is_empty(),
            Value::Sorted(set) => !set.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Text(_) => true,
        });
        let values = &self.values;
        self.ends.retain(|key, _| values.contains_key(key));
        Ok(answer)
    }

    fn remove(&mut self, key: &[u8]) {
        self.values.remove(key);
        self.ends.remove(key);
    }

    fn keys_and_time(&mut self, name: &str, args: &[Vec<u8>]) -> Option<Result<Answer, Refusal>> {
        Some(Ok(match (name, args) {
            ("TIME", []) => {
                Answer::All(vec![Answer::Text(text(self.now_ms / 1000)), Answer::Text(text(self.now_ms % 1000 * 1000))])
            }
            ("EXISTS", keys) => Answer::Number(keys.iter().filter(|key| self.values.contains_key(*key)).count() as i64),
            ("DEL" | "UNLINK", keys) => {
                let there = keys.iter().filter(|key| self.values.contains_key(*key)).count() as i64;
                keys.iter().for_each(|key| self.remove(key));
                Answer::Number(there)
            }
            ("RENAME", [from, to]) => {
                let Some(value) = self.values.remove(from) else { return Some(Err("ERR no such key".to_owned())) };
                let end = self.ends.remove(from);
                self.remove(to);
                self.values.insert(to.clone(), value);
                if let Some(end) = end {
                    self.ends.insert(to.clone(), end);
                }
                Answer::Status("OK")
            }
            ("TTL", [key]) => Answer::Number(match (self.values.contains_key(key), self.ends.get(key)) {
                (false, _) => -2,
                (true, None) => -1,
                // To the nearest second, as Redis tells it.
                (true, Some(end)) => (end - self.now_ms + 500) / 1000,
            }),
            ("EXPIRE", [key, seconds]) => match number(seconds) {
                Ok(seconds) if self.values.contains_key(key) => {
                    self.ends.insert(key.clone(), self.now_ms + seconds * 1000);
                    Answer::Number(1)
                }
                Ok(_) => Answer::Number(0),
                Err(refusal) => return Some(Err(refusal)),
            },
            ("PUBLISH", [_, _]) => Answer::Number(0),
            _ => return None,
        }))
    }

    fn hashes(&mut self, name: &str, args: &[Vec<u8>]) -> Option<Result<Answer, Refusal>> {
        let (key, rest) = args.split_first()?;
        let told = |value: Option<&Vec<u8>>| value.map_or(Answer::Nil, |value| Answer::Text(value.clone()));
        let mut done = || -> Result<Option<Answer>, Refusal> {
            Ok(Some(match (name, rest) {
                ("HGET", [field]) => told(self.hash(key)?.and_then(|hash| hash.get(field))),
                ("HMGET", fields) => {
                    let hash = self.hash(key)?;
                    Answer::All(fields.iter().map(|field| told(hash.and_then(|hash| hash.get(field)))).collect())
                }
                ("HEXISTS", [field]) => Answer::Number(i64::from(self.hash(key)?.is_some_and(|hash| hash.contains_key(field)))),
                ("HLEN", []) => Answer::Number(self.hash(key)?.map_or(0, BTreeMap::len) as i64),
                ("HSET", fields) if !fields.is_empty() && fields.len().is_multiple_of(2) => {
                    let hash = self.hash_mut(key)?;
                    let new = |pair: &&[Vec<u8>]| hash.insert(pair[0].clone(), pair[1].clone()).is_none();
                    Answer::Number(fields.chunks(2).filter(new).count() as i64)
                }
                ("HDEL", fields) if !fields.is_empty() => {
                    let hash = self.hash_mut(key)?;
                    Answer::Number(fields.iter().filter(|field| hash.remove(*field).is_some()).count() as i64)
                }
                ("HINCRBY", [field, by]) => {
                    let by = number(by)?;
                    let value = self.hash_mut(key)?.entry(field.clone()).or_insert_with(|| text(0));
                    let sum = number(value)? + by;
                    *value = text(sum);
                    Answer::Number(sum)
                }
                _ => return Ok(None),
            }))
        };
        done().transpose()
    }

    /// The members of a sorted set in their order.
    fn ordered(&self, key: &[u8]) -> Result<Vec<(Vec<u8>, i64)>, Refusal> {
        let mut all: Vec<_> = self.sorted(key)?.into_iter().flatten().map(|(member, score)| (member.clone(), *score)).collect();
        all.sort_by(|(a, first), (b, second)| (first, a).cmp(&(second, b)));
        Ok(all)
    }

    fn sorted_sets(&mut self, name: &str, args: &[Vec<u8>]) -> Option<Result<Answer, Refusal>> {
        let (key, rest) = args.split_first()?;
        let with_scores = |members: &[(Vec<u8>, i64)]| {
            let pair = |(member, score): &(Vec<u8>, i64)| [Answer::Text(member.clone()), Answer::Text(text(score))];
            Answer::All(members.iter().flat_map(pair).collect())
        };
        let alone =
            |members: &[(Vec<u8>, i64)]| Answer::All(members.iter().map(|(member, _)| Answer::Text(member.clone())).collect());
        let mut done = || -> Result<Option<Answer>, Refusal> {
            Ok(Some(match (name, rest) {
                ("ZADD", pairs) if !pairs.is_empty() => {
                    let only_known = pairs[0] == b"XX";
                    let set = self.sorted_mut(key)?;
                    let mut added = 0;
                    for pair in pairs[usize::from(only_known)..].chunks(2) {
                        let [score, member] = pair else { return Err("ERR syntax error".to_owned()) };
                        let score = number(score)?;
                        match set.get_mut(member) {
                            Some(known) => *known = score,
                            None if only_known => {}
                            None => {
                                set.insert(member.clone(), score);
                                added += 1;
                            }
                        }
                    }
                    Answer::Number(added)
                }
                ("ZREM", members) if !members.is_empty() => {
                    let set = self.sorted_mut(key)?;
                    Answer::Number(members.iter().filter(|member| set.remove(*member).is_some()).count() as i64)
                }
                ("ZCARD", []) => Answer::Number(self.sorted(key)?.map_or(0, BTreeMap::len) as i64),
                ("ZRANGE", [from, to, options @ ..]) => {
                    let all = self.ordered(key)?;
                    let some = &all[span(all.len(), number(from)?, number(to)?)];
                    match options {
                        [] => alone(some),
                        [option] if option == b"WITHSCORES" => with_scores(some),
                        _ => return Err("ERR syntax error".to_owned()),
                    }
                }
                ("ZRANGEBYSCORE", [from, to, limit, offset, count]) if limit == b"LIMIT" => {
                    let (from, to, offset, count) = (bound(from)?, bound(to)?, number(offset)?, number(count)?);
                    let within = self.ordered(key)?.into_iter().filter(|(_, score)| (from..=to).contains(score));
                    alone(&within.skip(offset as usize).take(count as usize).collect::<Vec<_>>())
                }
                ("ZPOPMIN", [count]) => {
                    let mut first = self.ordered(key)?;
                    first.truncate(number(count)? as usize);
                    let set = self.sorted_mut(key)?;
                    set.retain(|member, _| !first.iter().any(|(popped, _)| popped == member));
                    with_scores(&first)
                }
                _ => return Ok(None),
            }))
        };
        done().transpose()
    }

    fn lists(&mut self, name: &str, args: &[Vec<u8>]) -> Option<Result<Answer, Refusal>> {
        let (key, rest) = args.split_first()?;
        let told = |value: Option<Vec<u8>>| value.map_or(Answer::Nil, Answer::Text);
        let mut done = || -> Result<Option<Answer>, Refusal> {
            Ok(Some(match (name, rest) {
                ("LPUSH", values) if !values.is_empty() => {
                    let list = self.list_mut(key)?;
                    values.iter().for_each(|value| list.insert(0, value.clone()));
                    Answer::Number(list.len() as i64)
                }
                ("LTRIM", [from, to]) => {
                    let (from, to) = (number(from)?, number(to)?);
                    let list = self.list_mut(key)?;
                    *list = list[span(list.len(), from, to)].to_vec();
                    Answer::Status("OK")
                }
                ("LINDEX", [at]) => {
                    let at = number(at)?;
                    let list = self.list(key)?.map(Vec::as_slice).unwrap_or_default();
                    let at = if at < 0 { at + list.len() as i64 } else { at };
                    told(usize::try_from(at).ok().and_then(|at| list.get(at).cloned()))
                }
                ("RPOP", []) => told(self.list_mut(key)?.pop()),
                _ => return Ok(None),
            }))
        };
        done().transpose()
    }
}
