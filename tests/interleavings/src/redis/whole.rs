//! What services ask beside their scripts: whole values, and parts of sorted sets from their ends.

use super::{Answer, Redis, Refusal, bound, number, span, text};

/// A bound of scores as the lowest or the highest score that is within: `(` leaves out the bound itself.
fn within(bytes: &[u8], is_lowest: bool) -> Result<i64, Refusal> {
    match bytes.strip_prefix(b"(") {
        Some(open) => Ok(bound(open)? + if is_lowest { 1 } else { -1 }),
        None => bound(bytes),
    }
}

impl Redis {
    pub(super) fn whole(&mut self, name: &str, args: &[Vec<u8>]) -> Option<Result<Answer, Refusal>> {
        let (key, rest) = args.split_first()?;
        let mut done = || -> Result<Option<Answer>, Refusal> {
            Ok(Some(match (name, rest) {
                ("HGETALL", []) => {
                    let pairs = self.hash(key)?.into_iter().flatten();
                    Answer::All(pairs.flat_map(|(field, value)| [field, value]).map(|one| Answer::Text(one.clone())).collect())
                }
                ("HSETNX", [field, value]) => {
                    let is_new = !self.hash(key)?.is_some_and(|hash| hash.contains_key(field));
                    if is_new {
                        self.hash_mut(key)?.insert(field.clone(), value.clone());
                    }
                    Answer::Number(i64::from(is_new))
                }
                ("LRANGE", [from, to]) => {
                    let list = self.list(key)?.map(Vec::as_slice).unwrap_or_default();
                    let some = &list[span(list.len(), number(from)?, number(to)?)];
                    Answer::All(some.iter().map(|value| Answer::Text(value.clone())).collect())
                }
                ("RENAMENX", [to]) => {
                    if !self.values.contains_key(key) {
                        return Err("ERR no such key".to_owned());
                    }
                    if self.values.contains_key(to) {
                        return Ok(Some(Answer::Number(0)));
                    }
                    self.call(&[b"RENAME".to_vec(), key.clone(), to.clone()])?;
                    Answer::Number(1)
                }
                ("ZSCORE", [member]) => {
                    self.sorted(key)?.and_then(|set| set.get(member)).map_or(Answer::Nil, |score| Answer::Text(text(score)))
                }
                ("ZCOUNT", [from, to]) => {
                    let (from, to) = (within(from, true)?, within(to, false)?);
                    let set = self.sorted(key)?.into_iter().flatten();
                    Answer::Number(set.filter(|(_, score)| (from..=to).contains(*score)).count() as i64)
                }
                ("ZREMRANGEBYSCORE", [from, to]) => {
                    let (from, to) = (within(from, true)?, within(to, false)?);
                    let set = self.sorted_mut(key)?;
                    let before = set.len();
                    set.retain(|_, score| !(from..=to).contains(score));
                    Answer::Number((before - set.len()) as i64)
                }
                ("ZREVRANGEBYSCORE", [to, from, scores, limit, offset, count])
                    if scores == b"WITHSCORES" && limit == b"LIMIT" =>
                {
                    let (from, to) = (within(from, true)?, within(to, false)?);
                    let found = self.ordered(key)?.into_iter().rev().filter(|(_, score)| (from..=to).contains(score));
                    let found = found.skip(number(offset)? as usize).take(number(count)? as usize);
                    Answer::All(found.flat_map(|(member, score)| [Answer::Text(member), Answer::Text(text(score))]).collect())
                }
                _ => return Ok(None),
            }))
        };
        done().transpose()
    }
}
