package org.dockos.eclipse;

import java.io.File;
import java.util.Arrays;

import org.eclipse.core.resources.IMarker;
import org.eclipse.core.resources.IProject;
import org.eclipse.core.resources.IResource;
import org.eclipse.core.resources.IWorkspace;
import org.eclipse.core.resources.IncrementalProjectBuilder;
import org.eclipse.core.resources.ResourcesPlugin;
import org.eclipse.core.runtime.CoreException;
import org.eclipse.core.runtime.NullProgressMonitor;
import org.eclipse.core.runtime.jobs.Job;
import org.eclipse.equinox.app.IApplication;
import org.eclipse.equinox.app.IApplicationContext;
import org.eclipse.jdt.core.search.IJavaSearchConstants;
import org.eclipse.jdt.core.search.SearchEngine;
import org.eclipse.jdt.core.search.SearchPattern;
import org.eclipse.jdt.core.search.TypeNameRequestor;

/**
 * Makes a workspace of the projects that lie in its folder, and builds them. It runs once, with no screen, while the image is
 * built; what it leaves in the workspace's .metadata need not be made again at every first start.
 */
public final class Prepare implements IApplication {
    private static final NullProgressMonitor QUIET = new NullProgressMonitor();

    @Override
    public Object start(IApplicationContext context) throws Exception {
        IWorkspace workspace = ResourcesPlugin.getWorkspace();
        addProjects(workspace);
        workspace.build(IncrementalProjectBuilder.FULL_BUILD, QUIET);
        waitForIndex();
        Job.getJobManager().join(ResourcesPlugin.FAMILY_AUTO_BUILD, QUIET);
        int errors = reportErrors(workspace);
        workspace.save(true, QUIET);
        return errors == 0 ? EXIT_OK : Integer.valueOf(1);
    }

    @Override
    public void stop() {
        // There is nothing to end: it runs to its end by itself.
    }

    private static void addProjects(IWorkspace workspace) throws CoreException {
        File[] folders = workspace.getRoot().getLocation().toFile().listFiles(File::isDirectory);
        Arrays.sort(folders);
        for (File folder : folders) {
            IProject project = workspace.getRoot().getProject(folder.getName());
            if (new File(folder, ".project").isFile() && !project.exists()) {
                project.create(QUIET);
                project.open(QUIET);
                project.refreshLocal(IResource.DEPTH_INFINITE, QUIET);
                System.out.println("prepare: " + project.getName());
            }
        }
    }

    /** Asks for a type, with an answer only once the JDK's classes are indexed. */
    private static void waitForIndex() throws CoreException {
        char[] nothing = "NoSuchTypeAnywhere".toCharArray();
        new SearchEngine().searchAllTypeNames(null, SearchPattern.R_EXACT_MATCH, nothing, SearchPattern.R_EXACT_MATCH,
                IJavaSearchConstants.TYPE, SearchEngine.createWorkspaceScope(), new TypeNameRequestor() { },
                IJavaSearchConstants.WAIT_UNTIL_READY_TO_SEARCH, QUIET);
    }

    private static int reportErrors(IWorkspace workspace) throws CoreException {
        IMarker[] markers = workspace.getRoot().findMarkers(IMarker.PROBLEM, true, IResource.DEPTH_INFINITE);
        for (IMarker marker : markers) {
            System.err.println("prepare: " + marker.getResource().getFullPath() + ": " + marker.getAttribute(IMarker.MESSAGE));
        }
        return markers.length;
    }
}
