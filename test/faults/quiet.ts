// Imported before the functions: their log lines are no part of what the harness prints.
process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
