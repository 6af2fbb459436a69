"""AgentBench: tasks of several steps in a database, an operating system and others."""
