//! What Redis says of itself: memory, persistence, replication.

use std::time::Duration;

use redis_client::fred::{
    clients::Client,
    interfaces::{ClientLike, ClusterInterface},
    types::InfoKind,
};

/// Longest wait for one server.
const LIMIT: Duration = Duration::from_millis(500);

/// The servers of a Redis, as the worst of them stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RedisInfo {
    /// The largest share of `maxmemory` in use; none where there is no limit.
    pub memory: Option<f64>,
    /// What is wrong with replication or persistence.
    pub trouble: Option<String>,
}

/// Asks every server that holds keys. None if one does not answer.
pub(crate) async fn ask(client: &Client) -> Option<RedisInfo> {
    let servers = if client.is_clustered() {
        client.cached_cluster_state()?.unique_primary_nodes().into_iter().map(Some).collect()
    } else {
        vec![None]
    };
    let mut all = RedisInfo::default();
    for server in servers {
        let asked = async {
            match server {
                Some(server) => client.with_cluster_node(server).info::<String>(Some(InfoKind::All)).await,
                None => client.info::<String>(Some(InfoKind::All)).await,
            }
        };
        let one = read(&tokio::time::timeout(LIMIT, asked).await.ok()?.ok()?);
        all.memory = [all.memory, one.memory].into_iter().flatten().reduce(f64::max);
        all.trouble = all.trouble.or(one.trouble);
    }
    Some(all)
}

fn read(text: &str) -> RedisInfo {
    let field = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    let number = |name: &str| field(name).and_then(|value| value.parse::<f64>().ok());
    let memory = number("maxmemory").filter(|max| *max > 0.0).and_then(|max| Some(number("used_memory")? / max));
    let trouble = if field("aof_last_write_status").is_some_and(|status| status != "ok") {
        Some("Redis could not write its append-only file")
    } else if field("aof_last_bgrewrite_status").is_some_and(|status| status != "ok") {
        Some("Redis could not rewrite its append-only file")
    } else if field("master_link_status").is_some_and(|status| status != "up") {
        Some("a replica has lost its master")
    } else {
        None
    };
    RedisInfo { memory, trouble: trouble.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_read() {
        let fine = "# Memory\r\nused_memory:50\r\nused_memory_human:50B\r\nmaxmemory:100\r\naof_last_write_status:ok\r\n";
        assert_eq!(read(fine), RedisInfo { memory: Some(0.5), trouble: None });
        assert_eq!(read("used_memory:50\r\nmaxmemory:0\r\n").memory, None);
        assert!(read("aof_last_write_status:err").trouble.is_some());
        assert!(read("master_link_status:down").trouble.is_some());
    }
}
