package org.dockos.eclipse;

import org.eclipse.core.resources.IFile;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.Path;
import org.eclipse.swt.widgets.Display;
import org.eclipse.ui.IStartup;
import org.eclipse.ui.IWorkbenchWindow;
import org.eclipse.ui.PartInitException;
import org.eclipse.ui.PlatformUI;
import org.eclipse.ui.ide.IDE;

/**
 * Opens a file and ends the IDE again. It runs once, while the image is built, with the property dockos.rehearsal set to the file: the
 * workspace then remembers a window that fills the screen with that file in it, and the caches know what a start needs.
 */
public final class Rehearsal implements IStartup {
    private static final String FILE = System.getProperty("dockos.rehearsal");
    /** Time for what an editor does after it is shown: outline, markers, folding. */
    private static final int SETTLED_MILLISECONDS = 6_000;

    @Override
    public void earlyStartup() {
        if (FILE != null) {
            PlatformUI.getWorkbench().getDisplay().asyncExec(Rehearsal::run);
        }
    }

    private static void run() {
        IWorkbenchWindow window = PlatformUI.getWorkbench().getWorkbenchWindows()[0];
        window.getShell().setMaximized(true);
        IFile file = ResourcesPlugin.getWorkspace().getRoot().getFile(new Path(FILE));
        try {
            IDE.openEditor(window.getActivePage(), file, true);
        } catch (PartInitException error) {
            throw new IllegalStateException("the file of the rehearsal does not open: " + FILE, error);
        }
        Display.getCurrent().timerExec(SETTLED_MILLISECONDS, () -> {
            System.out.println("rehearsal: " + window.getShell().getText());
            PlatformUI.getWorkbench().close();
        });
    }
}
