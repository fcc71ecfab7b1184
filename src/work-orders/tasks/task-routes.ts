import { childRoutes } from '../../access/child-routes.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { orderOf, workOrders } from '../parts/part.ts';
import type { PartNeeds } from '../parts/part-needs.ts';
import { addTask, changeTask, getTask, removeTask } from './change-task.ts';
import { Task, TaskBody, TaskChange, TaskQuery, taskList } from './task.ts';
import { listTasks } from './task-store.ts';

/** The checklist of a work order: `/work-orders/{id}/tasks`. */
export function taskRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  childRoutes(app, mount, needs, {
    ...{ parent: workOrders, path: '/tasks', idName: 'task_id', noun: 'Task', nouns: 'Tasks' },
    shown: Task,
    list: {
      summary: 'List the tasks of a work order, in the order of the checklist',
      of: taskList,
      query: TaskQuery,
      find: (db, below, asked) => listTasks(db, orderOf(below), asked),
    },
    one: { summary: 'Get one task of a work order', get: getTask },
    creation: { summary: 'Add a task to the checklist of a work order', body: TaskBody, add: addTask },
    change: { summary: 'Answer a task of a work order, or change it', body: TaskChange, apply: changeTask },
    removal: { summary: 'Take a task off the checklist of a work order', remove: removeTask },
  });
}
