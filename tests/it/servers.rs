//! Private servers for the tests: redis-server, mariadbd and postgres on free loopback ports, in temporary folders, ended by process id.
