/** Preloaded into the bot: when the demo is gone, however it ended, the bot is told to stop. */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
