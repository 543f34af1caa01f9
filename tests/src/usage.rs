//! What processes use, as Linux counts it (`proc_pid_stat(5)`).

use std::fs;

/// Ticks a second of `/proc/PID/stat`: 100 on every Linux that people run.
const TICKS: f64 = 100.0;

/// Fields of `/proc/PID/stat` behind the program's name, from the state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn children(pid: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|other| stat(*other).is_some_and(|fields| fields.get(1) == Some(&pid.to_string()))).collect()
}

/// Seconds of processor time that a process, its children and those that ended have used.
pub fn cpu_seconds(pid: u32) -> f64 {
    let Some(fields) = stat(pid) else { return 0.0 };
    // utime, stime, cutime, cstime.
    let own: f64 = fields.get(11..15).unwrap().iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    own / TICKS + children(pid).into_iter().map(cpu_seconds).sum::<f64>()
}

/// Seconds of processor time that this process has used, without others that it started.
pub fn own_seconds() -> f64 {
    let fields = stat(std::process::id()).unwrap();
    fields.get(11..13).unwrap().iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// Seconds that the machine's processors had nothing to do, and those that the host gave to others.
pub fn unused_seconds() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let fields: Vec<f64> = text.lines().next().unwrap().split_whitespace().filter_map(|ticks| ticks.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
    ((fields[3] + fields[4]) / TICKS, fields[7] / TICKS)
}

/// The value of the line `name: value` of a file under `/proc`.
pub fn of_proc(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Megabytes that a process has in memory.
pub fn resident_mb(pid: u32) -> f64 {
    status_mb(pid, "VmRSS:")
}

/// Those of them that no file stands for: what it allocated.
pub fn anonymous_mb(pid: u32) -> f64 {
    status_mb(pid, "RssAnon:")
}

fn status_mb(pid: u32, name: &str) -> f64 {
    let size = of_proc(&format!("/proc/{pid}/status"), name).unwrap();
    size.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
