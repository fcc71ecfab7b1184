import multipart from '@fastify/multipart';
import type { RouteScope } from '../platform/mount.ts';

/** Adds routes that take a form and nothing else; its parts are read by the handler, as they come. */
export function takeForms(app: RouteScope, routes: (scope: RouteScope) => void): void {
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.register(multipart);
    // A scope of its own begins when what was registered before it is there.
    scope.register((inner, _innerOptions, innerDone) => {
      routes(inner as unknown as RouteScope);
      innerDone();
    });
    done();
  });
}
