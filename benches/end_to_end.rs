//! A live scan, end to end: `cargo bench --bench end_to_end`. The endpoint is a separate process, so that its work
//! is not counted for the program.
//!
//! Each row of the first table is a scan of five regions, and each of the second one of an organization. `floor` is the
//! number of calls that the findings need: those of an empty account, a page for each 500 volumes after the first, and
//! two for each key; for an organization also a page for each 20 accounts, and a role for each but that of the
//! credentials. `bound` is what no scan can fall below: its longest chain of calls that depend on each other, the delays
//! of all calls divided by the calls at once, or its processor time on all cores. `endpoint` is the rate at which the
//! endpoint alone answers, which must not be what is measured. `BOTO3_PYTHON`, a Python that has boto3, adds the time of a
//! script with 64 threads.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    dead_code,
    reason = "a benchmark may fail loudly and prints its results; it uses a part of the endpoint of the tests"
)]

#[path = "../tests/integration/support/endpoint/cbor.rs"]
mod cbor;
#[path = "end_to_end/endpoint.rs"]
mod endpoint;
#[path = "../tests/integration/support/endpoint/request.rs"]
mod request;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use comfy_table::Table;
use serde_json::{Value, json};

use endpoint::{ACCOUNTS_PAGE, KEYS, Load, PAGE, serve};

const REGIONS: [&str; 5] = [
    "eu-central-1",
    "eu-west-1",
    "eu-west-3",
    "ap-southeast-1",
    "us-east-1",
];

/// The scans: volumes of a region, milliseconds of delay, one throttled call of so many, `--concurrency`.
const SCANS: [(usize, u64, u64, u16); 7] = [
    (0, 50, 0, 128),
    (400, 50, 0, 128),
    (400, 200, 0, 128),
    (400, 50, 0, 32),
    (400, 50, 20, 128),
    (4_000, 50, 0, 128),
    (20_000, 0, 0, 128),
];

/// The organizations: accounts, volumes of a region, milliseconds of delay, `--concurrency`.
const ORGANIZATIONS: [(usize, usize, u64, u16); 2] = [(1_000, 50, 20, 128), (1_000, 0, 20, 128)];

/// The endpoint in its process, which ends with it.
struct Endpoint {
    process: Child,
    address: String,
}

impl Endpoint {
    fn start(load: Load) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut process = Command::new(program)
            .args(load.to_args())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let mut address = String::new();
        let out = process.stdout.take().expect("a pipe");
        BufReader::new(out)
            .read_line(&mut address)
            .expect("its address");
        let address = address.trim().to_owned();
        Endpoint { process, address }
    }

    /// Returns the calls and the throttled ones so far.
    fn read_counters(&self) -> (u64, u64) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .write_all(b"GET /counters HTTP/1.1\r\n\r\n")
            .expect("it reads");
        stream
            .shutdown(std::net::Shutdown::Write)
            .expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let body = answer.rsplit("\r\n").next().expect("a body");
        let (calls, throttled) = body.split_once(' ').expect("two numbers");
        (
            calls.parse().expect("a number"),
            throttled.parse().expect("a number"),
        )
    }

    /// Returns how many calls a second eight clients get answered.
    fn measure_rate(&self) -> f64 {
        const CALLS: usize = 4_000;
        let request = "POST / HTTP/1.1\r\nauthorization: AWS4-HMAC-SHA256 Credential=A/20260101/eu-central-1/ec2/aws4_request\r\ncontent-length: 19\r\n\r\nAction=DescribeVpcs";
        let client = || {
            let stream = TcpStream::connect(&self.address).expect("it listens");
            stream.set_nodelay(true).expect("it is open");
            let mut reader = BufReader::new(&stream);
            for _ in 0..CALLS {
                (&stream).write_all(request.as_bytes()).expect("it reads");
                let (mut length, mut line) = (0, String::new());
                while line != "\r\n" {
                    line.clear();
                    reader.read_line(&mut line).expect("it answers");
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.trim().parse().expect("a number");
                    }
                }
                reader.read_exact(&mut vec![0; length]).expect("a body");
            }
        };
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(client);
            }
        });
        (8 * CALLS) as f64 / started.elapsed().as_secs_f64()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the processor time of the programs that ended, in seconds; none where the system does not tell.
///
/// Source: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>: `cutime` and `cstime`, in hundredths.
fn processor_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(13)? + ticks(14)?) / 100.0)
}

/// Scans once. Returns the part of the row that was measured.
fn measure_scan(load: Load, concurrency: u16, more: &[&str]) -> Value {
    let endpoint = Endpoint::start(load);
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_backup-check"));
    command
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path());
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "example"),
        ("AWS_REGION", REGIONS[0]),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        command.env(name, value);
    }
    let url = format!("http://{}", endpoint.address);
    let limit = concurrency.to_string();
    command.args(["scan", "--stats", "--fail-on", "never"]);
    command.args(["--endpoint-url", &url, "--concurrency", &limit]);
    command.args(more).arg("--region").args(REGIONS);
    let (started, before) = (Instant::now(), processor_time());
    let output = command.output().expect("it can be started");
    let wall = started.elapsed().as_secs_f64();
    let cpu = processor_time()
        .zip(before)
        .map(|(after, before)| after - before);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{stderr}");
    let memory = stderr
        .lines()
        .find_map(|line| line.strip_suffix(" of memory at most"));
    let (calls, throttled) = endpoint.read_counters();
    json!({
        "accounts": load.accounts, "volumes": load.volumes * REGIONS.len(), "delay_ms": load.delay,
        "concurrency": concurrency, "calls": calls, "throttled": throttled, "wall_s": wall, "cpu_s": cpu,
        "memory": memory,
    })
}

/// Sends the calls of a scan with boto3 and 64 threads. Returns its time and its processor time, in seconds.
fn measure_boto3(python: &str, load: Load) -> (f64, Option<f64>) {
    let endpoint = Endpoint::start(load);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command
        .arg(root.join("benches/end_to_end/boto3_scan.py"))
        .arg(format!("http://{}", endpoint.address))
        .args(REGIONS)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let (started, before) = (Instant::now(), processor_time());
    let output = command.output().expect("it can be started");
    let wall = started.elapsed().as_secs_f64();
    assert!(output.status.success(), "{output:?}");
    let times = processor_time().zip(before);
    (wall, times.map(|(after, before)| after - before))
}

/// Adds the floor of the calls, and the bound of the time with the ratio to it. `chain` is the largest number of calls
/// that depend on each other.
fn add_limits(row: &mut Value, floor: u64, chain: u64) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    let number = |name: &str| row[name].as_f64().unwrap_or(0.0);
    let (wall, delay) = (number("wall_s"), number("delay_ms") / 1_000.0);
    let at_once = floor as f64 / number("concurrency");
    let bound = delay * at_once.max(chain as f64);
    let bound = bound.max(number("cpu_s") / cores);
    row["floor"] = json!(floor);
    row["bound_s"] = json!(bound);
    row["ratio"] = json!(wall / bound);
}

/// Returns how many calls of a row were answered.
fn count_answered(row: &Value) -> u64 {
    let count = |name: &str| row[name].as_u64().expect("a number");
    count("calls") - count("throttled")
}

fn measure_accounts() -> Vec<Value> {
    let mut empty_calls = None;
    let mut rows = Vec::new();
    for (volumes, delay, throttled, concurrency) in SCANS {
        let load = Load {
            accounts: 1,
            volumes,
            delay,
            throttled,
        };
        let mut row = measure_scan(load, concurrency, &[]);
        let base = *empty_calls.get_or_insert(count_answered(&row));
        let pages = volumes.div_ceil(PAGE).max(1);
        let more = pages - 1 + 2 * KEYS.min(volumes);
        // The caller or the regions; then the pages of a list, and a key of the last page with its policy, or the backup
        // policy and the role that it names.
        let chain = 1 + if volumes > 0 { pages + 2 } else { 2 };
        let floor = base + (more * REGIONS.len()) as u64;
        add_limits(&mut row, floor, chain as u64);
        rows.push(row);
    }
    rows
}

fn measure_organizations() -> Vec<Value> {
    let mut rows = Vec::new();
    for (accounts, volumes, delay, concurrency) in ORGANIZATIONS {
        let load = |accounts, delay| Load {
            accounts,
            volumes,
            delay,
            throttled: 0,
        };
        let single = count_answered(&measure_scan(load(1, 0), concurrency, &[]));
        let organization = ["--org", "--role-name", "BackupCheck", "--output", "run"];
        let mut row = measure_scan(load(accounts, delay), concurrency, &organization);
        let floor =
            accounts as u64 * single + (accounts.div_ceil(ACCOUNTS_PAGE) + accounts - 1) as u64;
        // The list, and an account after its last page.
        let chain = accounts.div_ceil(ACCOUNTS_PAGE) + 6;
        add_limits(&mut row, floor, chain as u64);
        rows.push(row);
    }
    rows
}

fn print_table(columns: &[&str], rows: &[Value]) {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::ASCII_MARKDOWN)
        .set_header(columns);
    for row in rows {
        table.add_row(columns.iter().map(|name| match &row[*name] {
            Value::Number(number) if number.is_f64() => {
                format!("{:.2}", number.as_f64().expect("a number"))
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
    }
    println!("{table}\n");
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|it| it == "serve") {
        serve(Load::from_args(&args[1..]));
        return;
    }
    let columns = [
        "accounts",
        "volumes",
        "delay_ms",
        "concurrency",
        "calls",
        "floor",
        "throttled",
        "wall_s",
        "bound_s",
        "ratio",
        "cpu_s",
        "memory",
    ];
    let rows = measure_accounts();
    print_table(&columns[1..], &rows);
    if let Ok(python) = std::env::var("BOTO3_PYTHON") {
        let load = Load {
            accounts: 1,
            volumes: 400,
            delay: 50,
            throttled: 0,
        };
        let (wall, cpu) = measure_boto3(&python, load);
        let cpu = cpu.map_or_else(|| "?".to_owned(), |it| format!("{it:.2}"));
        println!(
            "boto3 with 64 threads, 2,000 volumes, 50 ms: {wall:.2} s, processor time {cpu} s\n"
        );
    }
    let organizations = measure_organizations();
    print_table(&columns, &organizations);
    let idle = Load {
        accounts: 1,
        volumes: 0,
        delay: 0,
        throttled: 0,
    };
    let rate = Endpoint::start(idle).measure_rate();
    println!("endpoint: {rate:.0} answers a second");
    let report = json!({"rows": rows, "organizations": organizations, "endpoint_per_s": rate});
    let file =
        std::env::var("END_TO_END_JSON").unwrap_or_else(|_| "target/end-to-end.json".to_owned());
    if let Err(error) = fs::write(&file, format!("{report:#}\n")) {
        println!("{file}: {error}");
    }
}
