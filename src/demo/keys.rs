//! A few thousand keys beside ours, as a web shop would leave them: every data structure, with and without a TTL.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use redis::Pipeline;

use super::DemoError;

/// Commands sent at once.
const BATCH: usize = 1_000;

/// Writes the sample keys and returns how many commands that took.
pub(super) async fn fill(url: &str) -> Result<usize, DemoError> {
    let failed = |error: redis::RedisError| {
        DemoError(format!("the sample keys could not be written: {error}"))
    };
    let client = redis::Client::open(url).map_err(failed)?;
    let mut connection = client
        .get_multiplexed_async_connection()
        .await
        .map_err(failed)?;
    let commands = commands();
    let count = commands.len();
    for batch in commands.chunks(BATCH) {
        let mut pipeline = Pipeline::with_capacity(BATCH);
        for command in batch {
            pipeline.add_command(command.clone()).ignore();
        }
        pipeline.exec_async(&mut connection).await.map_err(failed)?;
    }
    Ok(count)
}

/// The same keys every time: pictures and tests can name them.
fn commands() -> Vec<redis::Cmd> {
    let mut shop = Shop {
        random: StdRng::seed_from_u64(42),
        commands: Vec::new(),
    };
    shop.sessions();
    shop.carts();
    shop.profiles();
    shop.rankings();
    shop.queues();
    shop.visitors();
    shop.tags();
    shop.activity();
    shop.pages();
    shop.thumbnails();
    shop.locks_and_flags();
    shop.commands
}

struct Shop {
    random: StdRng,
    commands: Vec<redis::Cmd>,
}

macro_rules! send {
    ($shop:expr, $name:literal $(, $argument:expr)* $(,)?) => {{
        let mut command = redis::cmd($name);
        $(command.arg($argument);)*
        $shop.commands.push(command);
    }};
}

const FIRST_NAMES: [&str; 8] = [
    "Ada", "Björn", "Chloé", "Dinh", "Emeka", "Fatima", "Grace", "Łukasz",
];
const PRODUCTS: [&str; 8] = [
    "lamp", "teapot", "desk", "chair", "kettle", "rug", "mirror", "clock",
];

impl Shop {
    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn hex(&mut self) -> String {
        format!("{:032x}", self.random.random::<u128>())
    }

    /// Sign-ins: hashes that end by themselves within two hours.
    fn sessions(&mut self) {
        for _ in 0..900 {
            let key = format!("session:{}", self.hex());
            let user = self.below(5_000);
            let name = FIRST_NAMES[self.below(FIRST_NAMES.len())];
            let token = self.hex();
            send!(
                self,
                "HSET",
                &key,
                "user",
                user,
                "name",
                name,
                "csrf",
                token,
                "theme",
                "dark",
                "visits",
                user % 37
            );
            let ttl = self.random.random_range(600..7_200);
            send!(self, "EXPIRE", &key, ttl);
        }
    }

    /// Carts: a product and its count each, kept for a week.
    fn carts(&mut self) {
        for user in 0..350 {
            let key = format!("cart:{user}");
            for _ in 0..=self.below(5) {
                let (sku, count) = (self.below(20_000), self.below(4) + 1);
                send!(self, "HSET", &key, format!("sku:{sku}"), count);
            }
            send!(self, "EXPIRE", &key, 604_800);
        }
    }

    /// User profiles as JSON text, without a TTL.
    fn profiles(&mut self) {
        for user in 0..600 {
            let name = FIRST_NAMES[self.below(FIRST_NAMES.len())];
            let product = PRODUCTS[self.below(PRODUCTS.len())];
            let profile = serde_json::json!({
                "id": user,
                "name": name,
                "email": format!("user{user}@shop.example"),
                "newsletter": user % 3 == 0,
                "address": { "city": "Bremen", "zip": format!("{:05}", 28_195 + user % 50) },
                "wishlist": [product, "vase"],
            });
            send!(
                self,
                "SET",
                format!("user:{user}:profile"),
                profile.to_string()
            );
        }
    }

    /// Best sellers by day, and one ranking with thousands of members.
    fn rankings(&mut self) {
        for day in 1..=28 {
            let key = format!("ranking:sales:1998-07-{day:02}");
            for product in 0..50 {
                let sold = self.below(900);
                send!(self, "ZADD", &key, sold, format!("sku:{product}"));
            }
            send!(self, "EXPIRE", &key, 86_400 * 30);
        }
        for sku in 0..4_000 {
            let score = f64::from(self.random.random_range(0..1_000_000u32)) / 100.0;
            send!(
                self,
                "ZADD",
                "ranking:revenue:all-time",
                score,
                format!("sku:{sku}")
            );
        }
    }

    /// Work to be done, oldest first.
    fn queues(&mut self) {
        for (queue, jobs) in [
            ("emails", 340),
            ("invoices", 1_200),
            ("thumbnails", 75),
            ("webhooks:retry", 12),
        ] {
            for job in 0..jobs {
                let body = serde_json::json!({ "job": job, "attempt": self.below(3), "order": self.below(600_000) });
                send!(self, "RPUSH", format!("queue:{queue}"), body.to_string());
            }
        }
    }

    /// Counters, unique visitors and a bitmap of who was active.
    fn visitors(&mut self) {
        for page in 0..400 {
            let views = self.below(90_000);
            send!(self, "SET", format!("visits:page:{page}"), views);
        }
        for day in 1..=28 {
            let key = format!("visitors:unique:1998-07-{day:02}");
            for _ in 0..40 {
                let visitor = self.below(100_000);
                send!(self, "PFADD", &key, visitor);
            }
        }
        for _ in 0..500 {
            let user = self.below(20_000);
            send!(self, "SETBIT", "active:1998-07-28", user, 1);
        }
    }

    /// Which products carry a tag.
    fn tags(&mut self) {
        for tag in [
            "new",
            "sale",
            "eco",
            "handmade",
            "outlet",
            "bestseller",
            "gift",
            "fragile",
        ] {
            for _ in 0..150 {
                let sku = self.below(5_000);
                send!(self, "SADD", format!("tag:{tag}"), format!("sku:{sku}"));
            }
        }
        // Small sets of numbers have an encoding of their own.
        for user in 0..150 {
            for _ in 0..5 {
                let product = self.below(2_000);
                send!(self, "SADD", format!("viewed:{user}"), product);
            }
            send!(self, "EXPIRE", format!("viewed:{user}"), 3_600 + user);
        }
    }

    /// What happened, with a group of consumers that is behind.
    fn activity(&mut self) {
        for stream in ["activity:shop", "activity:warehouse"] {
            for n in 0..600u32 {
                let product = PRODUCTS[self.below(PRODUCTS.len())];
                let user = self.below(5_000);
                let id = format!("{}-0", 901_600_000_000u64 + u64::from(n) * 1_731);
                send!(
                    self, "XADD", stream, id, "event", "viewed", "product", product, "user", user
                );
            }
            send!(self, "XGROUP", "CREATE", stream, "mailer", "0");
            send!(
                self,
                "XREADGROUP",
                "GROUP",
                "mailer",
                "mailer-1",
                "COUNT",
                25,
                "STREAMS",
                stream,
                ">"
            );
        }
    }

    /// Rendered pages and fragments, some of them large.
    fn pages(&mut self) {
        for page in 0..250 {
            let mut html = String::from("<!doctype html><title>Product</title><ul>");
            for _ in 0..self.below(60) + 5 {
                let product = PRODUCTS[self.below(PRODUCTS.len())];
                html.extend([
                    "<li>",
                    product,
                    " no. ",
                    &self.below(900).to_string(),
                    "</li>",
                ]);
            }
            html += "</ul>";
            let key = format!("cache:page:/product/{page}");
            let ttl = self.random.random_range(30..900);
            send!(self, "SET", key, html, "EX", ttl);
        }
        send!(
            self,
            "SET",
            "cache:sitemap",
            "<url><loc>https://shop.example/p</loc></url>\n".repeat(6_000),
            "EX",
            3_600
        );
    }

    /// Bytes that are not text, under names that are not only ASCII.
    fn thumbnails(&mut self) {
        for product in 0..60 {
            let length = 200 + self.below(1_800);
            let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
            bytes.extend((0..length).map(|_| self.random.random::<u8>()));
            send!(self, "SET", format!("thumb:{product}.png"), bytes);
        }
        send!(
            self,
            "SET",
            &b"legacy:\xff\xfe\x00raw"[..],
            &b"\x00\x01\x02\xff"[..]
        );
        send!(self, "SET", "greeting:日本語", "こんにちは");
    }

    fn locks_and_flags(&mut self) {
        for (flag, value) in [
            ("new-checkout", "on"),
            ("dark-mode", "on"),
            ("beta-search", "off"),
        ] {
            send!(self, "SET", format!("feature:{flag}"), value);
        }
        for client in 0..120 {
            let used = self.below(100);
            send!(
                self,
                "SET",
                format!("rate:10.0.{}.{}", client / 16, client),
                used,
                "EX",
                60 + client
            );
        }
        for n in 0..6 {
            let owner = self.hex();
            send!(
                self,
                "SET",
                format!("lock:invoice:{n}"),
                owner,
                "PX",
                120_000
            );
        }
        send!(
            self, "GEOADD", "stores", 8.8017, 53.0793, "Bremen", 13.405, 52.52, "Berlin", 11.582,
            48.1351, "Munich"
        );
    }
}
