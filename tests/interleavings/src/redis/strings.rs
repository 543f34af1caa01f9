//! Strings and when keys end.

use super::{Answer, Redis, Refusal, Value, number, text};

impl Redis {
    fn string(&self, key: &[u8]) -> Result<Option<&Vec<u8>>, Refusal> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Text(value)) => Ok(Some(value)),
            Some(_) => Err("WRONGTYPE".to_owned()),
        }
    }

    pub(super) fn strings(&mut self, name: &str, args: &[Vec<u8>]) -> Option<Result<Answer, Refusal>> {
        let (key, rest) = args.split_first()?;
        let mut done = || -> Result<Option<Answer>, Refusal> {
            Ok(Some(match (name, rest) {
                ("GET", []) => self.string(key)?.map_or(Answer::Nil, |value| Answer::Text(value.clone())),
                ("SET", [value, options @ ..]) => self.set(key, value, options)?,
                ("INCR", []) => {
                    let sum = self.string(key)?.map_or(Ok(0), |value| number(value))? + 1;
                    self.values.insert(key.clone(), Value::Text(text(sum)));
                    Answer::Number(sum)
                }
                ("PTTL", []) => Answer::Number(match (self.values.contains_key(key), self.ends.get(key)) {
                    (false, _) => -2,
                    (true, None) => -1,
                    (true, Some(end)) => end - self.now_ms,
                }),
                ("PEXPIRE", [milliseconds]) => {
                    let end = self.now_ms + number(milliseconds)?;
                    let is_there = self.values.contains_key(key);
                    if is_there {
                        self.ends.insert(key.clone(), end);
                    }
                    Answer::Number(i64::from(is_there))
                }
                ("PERSIST", []) => Answer::Number(i64::from(self.ends.remove(key).is_some())),
                _ => return Ok(None),
            }))
        };
        done().transpose()
    }

    fn set(&mut self, key: &[u8], value: &[u8], mut options: &[Vec<u8>]) -> Result<Answer, Refusal> {
        let (mut end, mut only_new) = (None, false);
        loop {
            options = match options {
                [] => break,
                [option, rest @ ..] if option == b"NX" => {
                    only_new = true;
                    rest
                }
                [option, time, rest @ ..] if option == b"EX" || option == b"PX" => {
                    end = Some(self.now_ms + number(time)? * if option == b"EX" { 1000 } else { 1 });
                    rest
                }
                _ => return Err("ERR syntax error".to_owned()),
            };
        }
        if only_new && self.values.contains_key(key) {
            return Ok(Answer::Nil);
        }
        self.remove(key);
        self.values.insert(key.to_vec(), Value::Text(value.to_vec()));
        if let Some(end) = end {
            self.ends.insert(key.to_vec(), end);
        }
        Ok(Answer::Status("OK"))
    }
}
