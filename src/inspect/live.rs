//! Was the opened key changed? By CLIENT TRACKING: the server tells this connection of the next change of each key that
//! it read, from Redis 6 and without any setting. Keyspace notifications need one, and are off by default.

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind};
use tokio::sync::mpsc;

use super::{Connection, InspectError};

/// Watches one key, on a connection of its own.
pub struct Watch {
    link: MultiplexedConnection,
    told: mpsc::UnboundedReceiver<PushKind>,
    name: Vec<u8>,
}

impl Watch {
    /// Begins to watch a key.
    pub async fn start(connection: &Connection, name: &[u8]) -> Result<Self, InspectError> {
        let (tell, told) = mpsc::unbounded_channel();
        // What is told is the key's name, which is known: only that it was told counts. A closed end needs nothing.
        let link = connection
            .listening(move |push: PushInfo| drop(tell.send(push.kind)))
            .await?;
        let mut watch = Self {
            link,
            told,
            name: name.to_vec(),
        };
        let mut command = redis::cmd("CLIENT");
        watch
            .ask(connection, command.arg("TRACKING").arg("ON"))
            .await?;
        watch.arm(connection).await?;
        Ok(watch)
    }

    /// Waits until the key is changed, expires or is deleted. `false` where the connection was lost: nothing will be
    /// told any more.
    pub async fn changed(&mut self, connection: &Connection) -> bool {
        loop {
            match self.told.recv().await {
                Some(PushKind::Invalidate) => break,
                Some(PushKind::Disconnection) | None => return false,
                Some(_) => {}
            }
        }
        // Told once for each read: read again before anybody reads what changed, so that no change is missed.
        while self.told.try_recv().is_ok() {}
        self.arm(connection).await.is_ok()
    }

    /// Whether it was changed since it was last read here. What the server has told by now arrives before its answer.
    pub(super) async fn was_changed(
        &mut self,
        connection: &Connection,
    ) -> Result<bool, InspectError> {
        self.arm(connection).await?;
        Ok(self.told.try_recv().is_ok())
    }

    async fn arm(&mut self, connection: &Connection) -> Result<(), InspectError> {
        let mut command = redis::cmd("TYPE");
        command.arg(&self.name);
        self.ask(connection, &command).await
    }

    async fn ask(
        &mut self,
        connection: &Connection,
        command: &redis::Cmd,
    ) -> Result<(), InspectError> {
        connection.would_pass(command)?;
        let answer = command.query_async::<redis::Value>(&mut self.link).await;
        answer
            .map(drop)
            .map_err(|error| match Connection::refusal(&error, command) {
                Some(refused) => refused,
                None => InspectError::Lost {
                    server: connection.address().to_owned(),
                    cause: error.category().to_owned(),
                },
            })
    }
}
