import { read } from '../environment.ts';
import { jobServices } from '../shared/services.ts';
import { taskHandler } from '../shared/task.ts';

const { sparkFromBytes } = read(['sparkFromBytes']);

export const handler = taskHandler('Plan', { ...jobServices(), enginePolicy: { sparkFromBytes } });
