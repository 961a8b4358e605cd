import { jobServices } from '../shared/services.ts';
import { taskHandler } from '../shared/task.ts';

export const handler = taskHandler('Accept', jobServices());
